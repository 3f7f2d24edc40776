"""`[REMEMBER: text]` in an answer: a note of the model, hidden from people, that becomes a call of the tool `memory`.

It wraps any model and is one itself, by the promises of `models.base`. The calls are quiet: the model does not wait for
their results. A tag stands within one paragraph. In a code fence, in code that is indented, between backticks, behind
a quotation mark or in a block quote it is text, and so is one without an end or without words.
"""

import contextlib
import json
import re
from collections.abc import AsyncGenerator, Sequence

from duragent.models.base import Model
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ToolCall
from duragent.models.text_tools.shown import VisibleText

TOOL = "memory"
MAX_TAGS = 16
"""The most notes of one answer; the tags after them are text."""

MAX_CHARS = 2_000
"""Of one note."""

_OPEN = "[REMEMBER:"
_HOW = (
    "To keep something for later sessions, you can also write `[REMEMBER: what to keep]` in your answer, outside of "
    "code and quotations. It becomes a note, and nobody sees it in the answer."
)
_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})(?P<label>[^\n]*)")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_QUOTES = "\"'`\u2018\u201a\u201c\u201e\u00ab\u2039"
_BACKTICKS = re.compile("`+")
_HEAD_CHARS = 200


class RememberTags:
    """`model`, whose tags are calls. The deltas and the reply's text are without them.

    Where the tool is not offered, answers stay as they are.
    """

    def __init__(self, model: Model, importance: float = 0.9) -> None:
        """`importance` is what the notes get, from 0 to 1."""
        self._model, self._importance = model, importance

    @property
    def label(self) -> str:
        return self._model.label

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        """Text as it arrives, less what may be the beginning of a tag; then the reply with the calls."""
        tags, shown = TagScanner(), list[str]()
        offered = any(tool.name == TOOL for tool in request.tools)
        asked = _told(request) if offered else request
        async with contextlib.aclosing(self._model.stream(asked)) as pieces:
            async for piece in pieces:
                if not offered:
                    yield piece
                    continue
                if isinstance(piece, ModelReply):
                    delta = ModelDelta(text=tags.finish())
                else:
                    delta = ModelDelta(text=tags.feed(piece.text), reasoning=piece.reasoning)
                shown.append(delta.text)
                if delta.text or delta.reasoning:
                    yield delta
                if isinstance(piece, ModelReply):
                    yield self._with_notes(piece, "".join(shown), tags.notes)

    def _with_notes(self, reply: ModelReply, text: str, notes: Sequence[str]) -> ModelReply:
        """The model's own calls come first and keep their ids."""
        if not notes:
            return reply
        taken = {call.id for call in reply.calls}
        numbers = (number for number in range(1, 1 << 62) if f"note_{number}" not in taken)
        made = tuple(ToolCall(id=f"note_{next(numbers)}", name=TOOL, arguments=self._arguments(note)) for note in notes)
        quiet = (*reply.quiet, *(call.id for call in made))
        return reply.model_copy(update={"text": text, "calls": (*reply.calls, *made), "quiet": quiet})

    def _arguments(self, note: str) -> str:
        arguments = {"action": "remember", "content": note, "importance": self._importance}
        return json.dumps(arguments, ensure_ascii=False)


def _told(request: ModelRequest) -> ModelRequest:
    """With the sentence on tags at the end of the system message."""
    first = request.messages[0] if request.messages else None
    if first is None or first.role != "system":
        return request
    told = first.model_copy(update={"content": f"{first.content}\n\n{_HOW}".strip()})
    return request.model_copy(update={"messages": (told, *request.messages[1:])})


class TagScanner:
    """An answer while it arrives. What `feed` and `finish` return, joined, is its text, however it was chunked."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        """Those of the tags so far, in order; the list grows."""
        self._shown = VisibleText()
        self._place = _Place()
        self._held = ""
        self._at = 0

    def feed(self, text: str) -> str:
        """Take in a chunk; what can be shown now."""
        self._held += text
        self._go_on(at_end=False)
        return self._shown.take()

    def finish(self) -> str:
        """The end of the answer; what remains to be shown."""
        self._go_on(at_end=True)
        self._shown.end(called=bool(self.notes))
        return self._shown.take()

    def _go_on(self, *, at_end: bool) -> None:
        """Show what is no tag, take what is one, and keep what may become one."""
        while self._at < len(self._held):
            start = self._held.find("[", self._at)
            self._show(start if start >= 0 else len(self._held))
            rest = self._held[self._at : self._at + len(_OPEN)]
            if not at_end and len(rest) < len(_OPEN) and _OPEN.startswith(rest):
                break
            if rest != _OPEN or len(self.notes) >= MAX_TAGS or self._place.is_quoted:
                self._show(self._at + 1)
            elif (note := self._note()) is not None:
                self._take(note)
            elif at_end or not self._may_become_a_tag():
                self._show(self._at + len(_OPEN))
            else:
                break
        self._held, self._at = self._held[self._at :], 0

    def _note(self) -> str | None:
        """What stands in the tag, up to the bracket that closes it; None when that has not come."""
        begin, depth = self._at + len(_OPEN), 0
        for at in range(begin, min(len(self._held), begin + MAX_CHARS)):
            if self._held[at] == "[":
                depth += 1
            elif self._held[at] == "]":
                if not depth:
                    return self._held[begin:at]
                depth -= 1
        return None

    def _may_become_a_tag(self) -> bool:
        text = self._held[self._at + len(_OPEN) :]
        return len(text) < MAX_CHARS and not _BLANK_LINE.search(text)

    def _take(self, note: str) -> None:
        if not note.strip() or _BLANK_LINE.search(note):
            self._show(self._at + len(_OPEN))
            return
        self.notes.append(" ".join(note.split()))
        end = self._at + len(_OPEN) + len(note) + 1
        self._place.pass_by(self._held[self._at : end])
        self._shown.cut()
        self._at = end

    def _show(self, end: int) -> None:
        text, self._at = self._held[self._at : end], end
        if text:
            self._place.pass_by(text)
            self._shown.add(text)


class _Place:
    """Where in the answer's Markdown its reader is."""

    def __init__(self) -> None:
        self._fence: re.Pattern[str] | None = None
        self._in_block_quote = False
        self._head = ""
        self._backticks = 0
        self._last = ""

    @property
    def is_quoted(self) -> bool:
        """Whether what comes next is shown to be read, and not meant."""
        start = self._head.lstrip(" ")
        indented = len(self._head.expandtabs(4)) - len(self._head.expandtabs(4).lstrip(" ")) > 3
        return (
            self._fence is not None
            or self._in_block_quote
            or indented
            or start.startswith((">", "~~~"))
            or self._backticks % 2 == 1
            or (bool(self._last) and self._last in _QUOTES)
        )

    def pass_by(self, text: str) -> None:
        """Go on behind this text."""
        for piece in text.splitlines(keepends=True):
            self._head += piece[: _HEAD_CHARS - len(self._head)]
            # A span of code begins and ends with as many as one likes.
            self._backticks += len(_BACKTICKS.findall(piece)) - (self._last == piece[0] == "`")
            self._last = piece[-1]
            if piece.endswith("\n"):
                self._end_line()

    def _end_line(self) -> None:
        line, self._head, self._backticks, self._last = self._head, "", 0, ""
        if self._fence is not None:
            if self._fence.fullmatch(line):
                self._fence = None
            return
        fence = _FENCE.match(line)
        if fence and not (fence["marks"][0] == "`" and "`" in fence["label"]):
            mark, least = fence["marks"][0], len(fence["marks"])
            self._fence = re.compile(rf" {{0,3}}{mark}{{{least},}}\s*")
        elif not line.strip():
            self._in_block_quote = False
        elif line.lstrip(" ").startswith(">"):
            self._in_block_quote = True

"""Tool calls in a model's text, found line by line while it arrives. Pure; never raises; linear time.

The rule: **a call stands alone on its lines**. Better to miss a doubtful call than to run a quoted one. A call is

- a tagged block, `<tool_call>{…}</tool_call>` or one of the other tags that small models were trained on, that begins
  at the beginning of a line and ends at the end of one; several may follow each other on a line;
- a fence labelled json (or tool_call and the like) that holds calls of offered tools with arguments, and nothing else;
- a bare JSON object or array of such calls, as a paragraph of its own: what stands on the line before ends like a
  sentence, and the line after is blank.

Nothing runs that stands in a fence with another label or none, between backticks, in a block quote or a paragraph
that continues one, in code that is indented by four columns, in thoughts or comments, in a tool result that the model
echoes or makes up, in the middle of a line, after a line that announces an example, or in a block that names a tool
which is not offered; nor JSON without tags that a tool result has word for word. All of that stays text; `faults` then
has a sentence for the model where it seems to have meant a call. A closing tag in a string of JSON is part of the
string. A block that the end of the text cuts short counts when it can be read as it stands; missing brackets are added
unless the answer was cut at its length.
"""

import re
from collections.abc import Sequence
from typing import Literal

from duragent.models.messages import ToolSchema
from duragent.models.text_tools.block import OPEN, CallBlock, Region, may_open, open_region
from duragent.models.text_tools.calls import Found, NoCall, Offered, calls_in, tagged_calls
from duragent.models.text_tools.findings import MAX_CALLS, Findings, Parsed
from duragent.models.text_tools.hints import LinesBefore, is_no_call
from duragent.models.text_tools.shown import VisibleText

_Mode = Literal["text", "region", "code", "fence", "block", "bare", "bare_done"]

_BLANK = re.compile(r"\s*+")
_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}+|~{3,}+)[ \t]*+(?P<label>[\w+-]*+)[ \t]*+(?P<rest>.*+)", re.DOTALL)
_LABELS = ("json", "json5", "jsonc", "tool", "tool_call", "tool_calls", "function_call", "function_calls")
_HEAD_CHARS = 400


def parse(text: str, tools: Sequence[ToolSchema], *, cut: bool = False) -> Parsed:
    """The calls in a whole answer. `cut`: it ended because it was too long."""
    scanner = Scanner(tools)
    shown = scanner.feed(text) + scanner.finish(cut=cut)
    return Parsed(shown, tuple(scanner.calls), tuple(scanner.faults))


class Scanner:
    """An answer while it arrives. What `feed` and `finish` return, joined, is its text, however it was chunked.

    Only lines decide, so that a chunk never does; text is handed out before its line ends when no call can begin there.
    `quoted`: what tools have answered; JSON without tags that stands in there word for word is no call.
    """

    def __init__(self, tools: Sequence[ToolSchema], quoted: Sequence[str] = (), *, fences: bool = True) -> None:
        self._findings = Findings(quoted)
        self.calls = self._findings.calls
        """The calls so far, in order; the list grows."""
        self.faults = self._findings.faults
        """Sentences for the model about what seems to have been meant as a call; the list grows."""
        self._offered = {tool.name: tool for tool in tools}
        self._shown = VisibleText()
        self._partial: list[str] = []
        self._head = ""
        self._released = 0
        self._mode: _Mode = "text"
        self._held: list[str] = []
        self._block = CallBlock()
        self._fence_close = re.compile("")
        self._region = Region(self._fence_close, ends_blank=False)
        self._quoting = self._plain = False
        self._before = LinesBefore()
        self._start_of_held = ""
        self._fences = fences

    def feed(self, text: str) -> str:
        """Take in a chunk; what can be shown now."""
        at = 0
        while at < len(text):
            end = text.find("\n", at) + 1
            piece = text[at : end or len(text)]
            self._partial.append(piece)
            self._head += piece[: _HEAD_CHARS - len(self._head)]
            if end:
                self._end_line()
            elif self._released or not self._may_call():
                self._release()
            at += len(piece)
        return self._shown.take()

    def finish(self, *, cut: bool = False) -> str:
        """The end of the answer; what remains to be shown. `cut`: it ended because it was too long."""
        if self._partial:
            self._end_line()
        self._end(cut)
        self._shown.end(called=bool(self.calls))
        return self._shown.take()

    # --- lines ---

    def _end_line(self) -> None:
        line, released = "".join(self._partial), self._released
        self._partial, self._head, self._released = [], "", 0
        self._line(line, released)

    def _release(self) -> None:
        text = "".join(self._partial) if not self._released else self._partial[-1]
        self._released += len(text)
        self._shown.add(text)

    def _may_call(self) -> bool:
        """Whether the unfinished line may become, or belong to, a call."""
        if self._mode in ("region", "code"):
            return False
        if self._mode != "text":
            return True
        start = self._head.lstrip(" ")
        if not start:
            return True
        if len(self._head) - len(start) > 3 or self._quoting:
            return False
        if start[0] in "`~":
            return (start[0] * 3).startswith(start[:3])
        if start[0] == "<":
            return may_open(start)
        return start[0] in "{[" and not is_no_call(start)

    def _line(self, line: str, released: int) -> None:
        match self._mode:
            case "text":
                self._text_line(line, released)
            case "region":
                self._region_line(line, released)
            case "code":
                self._prose(line, released)
                if self._fence_close.match(line):
                    self._mode = "text"
            case "fence":
                self._fence_line(line)
            case "block":
                self._held.append(line)
                self._block_goes_on(line)
            case "bare":
                self._held.append(line)
                self._add_to_start(line)
                self._bare_goes_on(line)
            case "bare_done":
                self._after_bare(line)

    def _text_line(self, line: str, released: int) -> None:
        start = line.lstrip(" ")
        if not line.strip():
            self._quoting = False
            self._before.add_blank()
            self._shown.add(line[released:])
        elif released or self._quoting or len(line) - len(start) > 3 or start[0] not in "<{[`~":
            is_code = len(line) - len(start) > 3 or start[0] == "\t"
            self._quoting = self._quoting or (not is_code and start[0] == ">")
            self._prose(line, released)
            self._find_region(line, is_quoted=is_code or self._quoting)
        elif fence := _FENCE.match(line):
            self._begin_fence(line, fence)
        elif OPEN.match(start):
            self._mode, self._held = "block", [line]
            self._block = CallBlock()
            self._block_goes_on(start)
        elif start[0] in "{[" and not is_no_call(start[:_HEAD_CHARS]) and self._before.ends_a_paragraph():
            self._mode, self._held, self._start_of_held = "bare", [line], start[:_HEAD_CHARS]
            self._block = CallBlock(json=True)
            self._bare_goes_on(start)
        else:
            self._prose(line, 0)
            self._find_region(line)

    def _prose(self, line: str, released: int) -> None:
        self._shown.add(line[released:])
        self._before.add(line)

    # --- what is not read ---

    def _find_region(self, line: str, *, is_quoted: bool = False) -> None:
        region, has_calls = open_region(line, is_quoted=is_quoted)
        if has_calls:
            self._findings.add_fault("it stands in the middle of a line")
        if region is not None:
            self._mode, self._region = "region", region

    def _region_line(self, line: str, released: int) -> None:
        blank = not line.strip()
        if blank:
            self._shown.add(line[released:])
            self._before.add_blank()
        else:
            self._prose(line, released)
        closing = self._region.close.search(line)
        if closing or (blank and self._region.ends_blank):
            self._mode = "text"
        if closing:
            self._find_region(line[closing.end() :])

    # --- fences ---

    def _begin_fence(self, line: str, fence: re.Match[str]) -> None:
        marks, rest = fence["marks"], fence["rest"].strip()
        callable_here = self._fences and fence["label"].lower() in _LABELS and not self._before.announces_example()
        if callable_here and marks == "```" and rest.endswith("```") and len(rest) > 3:
            self._held = [line]
            self._settle_fence(rest[:-3])
            return
        if marks[0] == "`" and "`" in rest:
            self._prose(line, 0)
            self._find_region(line)
            return
        self._fence_close = re.compile(rf" {{0,3}}{re.escape(marks[0])}{{{len(marks)},}}+\s*+$")
        if callable_here and not rest:
            self._mode, self._held, self._start_of_held = "fence", [line], ""
        else:
            self._mode = "code"
            self._shown.add(line)

    def _fence_line(self, line: str) -> None:
        self._held.append(line)
        if self._fence_close.match(line):
            self._settle_fence("".join(self._held[1:-1]))
            return
        head = self._add_to_start(line)
        if head and (head[0] not in "{[<" or (head[0] in "{[" and is_no_call(head))):
            self._give_up(None)
            self._mode = "code"

    def _add_to_start(self, line: str) -> str:
        self._start_of_held = (self._start_of_held + line[:_HEAD_CHARS])[:_HEAD_CHARS].lstrip()
        return self._start_of_held

    def _settle_fence(self, body: str, *, close: bool = False) -> None:
        try:
            self._accept(self._findings.unquoted(body, _fenced(body, self._offered, close=close)))
        except NoCall as reason:
            self._give_up(reason.fault)

    # --- tagged blocks ---

    def _block_goes_on(self, line: str) -> None:
        """Read on in a block, or the next one of the same line, until the line or the blocks end."""
        block = self._block
        at = 0
        while True:
            if not block.is_open:
                opening = OPEN.match(line, at)
                if opening is None:
                    break
                block.open(opening)
                at = opening.end()
            end = block.read(line, at, plain=self._plain)
            if end is None:
                return
            at = _BLANK.match(line, end).end()  # type: ignore[union-attr]  # it always matches
        rest = line[at:].strip()
        if rest:
            self._give_up("text follows it on its line")
            self._find_region(rest)
        else:
            self._settle_block(close=True)

    def _settle_block(self, *, close: bool) -> None:
        if self._before.announces_example():
            self._give_up("the line before announces an example", as_example=True)
            return
        try:
            self._accept(tagged_calls(self._block.bodies(), self._offered, close=close))
        except NoCall as reason:
            self._give_up(str(reason))

    # --- bare JSON ---

    def _bare_goes_on(self, line: str) -> None:
        end = self._block.read(line, 0, plain=False)
        if end is not None:
            after = line[end:].strip(" \t\r\n,;")
            if not after:
                self._mode = "bare_done"
            elif after[0] not in "{[" or self._block.count >= MAX_CALLS:
                self._give_up(None)
            else:
                self._bare_goes_on(line[end:].lstrip(" \t,;"))
        elif self._plain or is_no_call(self._start_of_held):
            self._give_up(None)

    def _after_bare(self, line: str) -> None:
        start = line.lstrip(" ")
        if not line.strip() or OPEN.match(start):
            self._settle_bare(close=False)
            self._line(line, 0)
        elif start[0] in "{[" and self._block.count < MAX_CALLS:
            self._mode = "bare"
            self._held.append(line)
            self._bare_goes_on(start)
        else:
            self._give_up(None)
            self._line(line, 0)

    def _settle_bare(self, *, close: bool) -> None:
        if self._before.announces_example():
            self._give_up(None, as_example=True)
            return
        try:
            body = "".join(self._held)
            self._accept(self._findings.unquoted(body, calls_in(body, self._offered, "bare", close=close)))
        except NoCall as reason:
            self._give_up(reason.fault)

    # --- decisions ---

    def _accept(self, calls: Sequence[Found]) -> None:
        self._findings.add(calls)
        self._mode, self._held = "text", []
        self._before.clear()
        self._shown.cut()

    def _give_up(self, fault: str | None, *, as_example: bool = False) -> None:
        """What was held is text after all. The calls after an example are examples as well."""
        text = "".join(self._held)
        self._mode, self._held = "text", []
        self._shown.add(text)
        self._before.add(text, keep_words=as_example)
        if fault is not None:
            self._findings.add_fault(fault)

    def _end(self, cut: bool) -> None:
        match self._mode:
            case "fence":
                self._settle_fence("".join(self._held[1:]), close=not cut)
            case "bare_done":
                self._settle_bare(close=False)
            case "block" if not self._plain and self._block.hides_its_end():
                self._read_again(cut)
            case "block":
                self._block.end()
                self._settle_block(close=not cut)
            case "bare" if len(self._held) > 1 and not self._plain and not self._can_be_read(cut):
                self._read_again(cut)
            case "bare":
                self._settle_bare(close=not cut)

    def _can_be_read(self, cut: bool) -> bool:
        try:
            return bool(calls_in("".join(self._held), self._offered, "bare", close=not cut))
        except NoCall:
            return False

    def _read_again(self, cut: bool) -> None:
        # An open string hid an end: from here on quotes mean nothing between tags. Once only, so the time stays linear.
        lines, self._held = self._held, []
        self._mode, self._plain = "text", True
        for line in lines:
            self._line(line, 0)
        self._end(cut)


def _fenced(body: str, offered: Offered, *, close: bool) -> list[Found]:
    """The calls in a fence: tagged blocks, or JSON. Raises NoCall when it holds anything else."""
    if not body.lstrip().startswith("<"):
        return calls_in(body, offered, "bare", close=close)
    inside = Scanner(tuple(offered.values()), fences=False)
    text = inside.feed(body) + inside.finish(cut=not close)
    if text.strip() or not inside.calls:
        raise NoCall("its fence holds something else too")
    return inside.calls

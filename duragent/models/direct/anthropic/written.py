"""The conversation as Messages wants it. Pure.

Roles alternate, results of tools come first behind the message that calls, no text block is blank, ids and names have
only the letters that are taken, and thinking stands where it stood.
"""

import base64
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from duragent.file_types import PDF
from duragent.models.base import ModelChoice
from duragent.models.cache_marks import CACHE_MARK, marked_messages
from duragent.models.direct.anthropic.kept import kept_blocks, with_kept
from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, ToolCall
from duragent.models.strict_json import object_of

Block = dict[str, Any]

_PLACEHOLDER = "…"
"""Where the protocol wants a text and there is none."""

_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64
_LONGEST_ID = 64
_UNMARKED = ("thinking", "redacted_thinking")


class WrittenConversation:
    """The messages of one request."""

    def __init__(self, choice: ModelChoice, request: ModelRequest) -> None:
        self._choice, self._request = choice, request
        self._marked = set(marked_messages(request))
        self._ids: dict[str, deque[str]] = defaultdict(deque)
        self._taken: set[str] = set()
        self.called: dict[str, None] = {}
        """The names of the tools that were called, in order."""
        for message in request.messages:
            self.called.update((_name(call.name), None) for call in message.calls)

    def lacks_thinking(self) -> bool:
        """Whether the turn under way has calls that did not come with the thinking in front of them.

        They are of another model, or of this one before it was asked to think.
        """
        lacks, takes_over, before = False, True, ""
        for message in self._request.messages:
            if message.role == "user":
                # Behind results it is one message with them: the turn goes on.
                takes_over = True
                lacks = lacks and before == "tool"
            elif message.role == "tool":
                before = "tool"
            elif message.role == "assistant" and (message.calls or message.content.strip()):
                if before == "assistant":
                    # A message of the user stands between them.
                    lacks, takes_over = False, True
                # A model thinks where it takes over. Later questions of the turn may go without.
                lacks = lacks or (takes_over and not kept_blocks(message.opaque, self._choice))
                takes_over, before = False, "assistant"
        # Behind an answer, too, a message of the user follows.
        return lacks and before != "assistant"

    def written(self, *, with_thinking: bool) -> dict[str, Any]:
        """The fields `system`, when there is one, and `messages`."""
        fields: dict[str, Any] = {}
        system = [self._system(at) for at, message in enumerate(self._request.messages) if message.role == "system"]
        if any(system):
            fields["system"] = [block for block in system if block]
        fields["messages"] = _alternating(list(self._each(with_thinking=with_thinking)))
        return fields

    def _system(self, at: int) -> Block | None:
        text = self._request.messages[at].content
        if not text.strip():
            return None
        block: Block = {"type": "text", "text": text}
        return block | {"cache_control": CACHE_MARK} if at in self._marked else block

    def _each(self, *, with_thinking: bool) -> Iterator[tuple[str, list[Block]]]:
        for at, message in enumerate(self._request.messages):
            if message.role == "system":
                continue
            match message.role:
                case "assistant":
                    role, blocks = "assistant", self._assistant(message, with_thinking=with_thinking)
                case "tool":
                    role, blocks = "user", [self._result(message)]
                case _:
                    role, blocks = "user", self._content(message)
            if at in self._marked:
                _mark(blocks)
            if blocks:
                yield role, blocks

    def _assistant(self, message: ChatMessage, *, with_thinking: bool) -> list[Block]:
        uses = [self._use(call) for call in message.calls]
        kept = kept_blocks(message.opaque, self._choice) if with_thinking else ()
        return with_kept(kept, message.content, uses)

    def _use(self, call: ToolCall) -> Block:
        return {
            "type": "tool_use",
            "id": self._new_id(call.id),
            "name": _name(call.name),
            "input": object_of(call.arguments),
        }

    def _new_id(self, ours: str) -> str:
        """An id for the call that the protocol takes and that no other call has."""
        plain = _ODD.sub("_", ours)[:_LONGEST_ID] or "call"
        new, number = plain, 1
        while new in self._taken:
            number += 1
            new = f"{plain}_{number}"
        self._taken.add(new)
        self._ids[ours].append(new)
        return new

    def _result(self, message: ChatMessage) -> Block:
        known = self._ids[message.call_id or ""]
        block: Block = {"type": "tool_result", "tool_use_id": known.popleft() if known else message.call_id or ""}
        if message.attachments:
            return block | {"content": self._content(message)}
        return block | {"content": message.content} if message.content else block

    def _content(self, message: ChatMessage) -> list[Block]:
        text = [{"type": "text", "text": message.content}] if message.content.strip() else []
        return [*text, *(self._file(file) for file in message.attachments)]

    def _file(self, file: AttachedFile) -> Block:
        content = base64.b64encode(self._request.files[file.sha256]).decode()
        source = {"type": "base64", "media_type": file.media_type, "data": content}
        if file.media_type == PDF:
            return {"type": "document", "source": source, "title": file.name}
        return {"type": "image", "source": source}


def written_tools(request: ModelRequest, called: Iterable[str]) -> list[Block]:
    """The tools on offer; without any, those that were called: a request with calls needs them."""
    if request.tools:
        return [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
    return [{"name": name, "input_schema": {"type": "object"}} for name in called]


def _alternating(said: Sequence[tuple[str, list[Block]]]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for role, blocks in said:
        if role == "assistant" and (not messages or messages[-1]["role"] == "assistant"):
            # The second of two answers was asked for with this behind the first; and it may begin with thinking, which
            # must stay in front.
            messages.append(_nothing_said())
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"].extend(blocks)
        else:
            messages.append({"role": role, "content": list(blocks)})
    if not messages or messages[-1]["role"] != "user":
        # The newest message has no text. Without it the model would be asked to go on with its own words.
        messages.append(_nothing_said())
    return messages


def _nothing_said() -> dict[str, Any]:
    """A message of the user, where the protocol wants one and there is none."""
    return {"role": "user", "content": [{"type": "text", "text": _PLACEHOLDER}]}


def _mark(blocks: list[Block]) -> None:
    """Tell the cache that the request up to these blocks is worth remembering."""
    at = next((at for at in reversed(range(len(blocks))) if blocks[at]["type"] not in _UNMARKED), None)
    if at is not None:
        blocks[at] = blocks[at] | {"cache_control": CACHE_MARK}


def _name(name: str) -> str:
    return _ODD.sub("_", name)[:_LONGEST_NAME] or "unnamed"

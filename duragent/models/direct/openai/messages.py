"""A conversation as Chat Completions has it. Pure."""

import hashlib
import re
import string
from collections.abc import Iterator, Sequence
from typing import Any

from duragent.errors import BadModelRequest
from duragent.file_types import IMAGES, PDF
from duragent.models.base import ModelChoice
from duragent.models.cache_marks import CACHE_MARK, marked_messages
from duragent.models.direct.openai.servers import ChatServer, hands_on_to_claude
from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, ToolCall
from duragent.models.openai_shapes import data_url, file_part, image_part, text_part
from duragent.models.strict_json import object_text

Json = dict[str, Any]

_NOTED = "Understood."
"""What the assistant is made to say between results of tools and a message of the user, where that is demanded."""

_FILES_OF_RESULTS = "Files from the results above:"
_NINE = re.compile(r"[a-zA-Z0-9]{9}")
_LETTERS = string.digits + string.ascii_letters
_UNSIGNED = {"google": {"thought_signature": "skip_thought_signature_validator"}}
"""Google's own word for a call that comes from another model, and so has no signature of its thoughts."""


def written_messages(adapter: str, choice: ModelChoice, server: ChatServer, request: ModelRequest) -> list[Json]:
    """The messages. Raises BadModelRequest for an attachment that the server does not take."""
    return list(_Writer(adapter, choice, server, request).messages())


class _Writer:
    def __init__(self, adapter: str, choice: ModelChoice, server: ChatServer, request: ModelRequest) -> None:
        self._adapter, self._choice, self._server, self._request = adapter, choice, server, request
        self._ids: dict[str, str] = {}
        """Of calls: how the provider called them, by our ids."""
        self._marks = marked_messages(request) if hands_on_to_claude(choice, server) else ()

    def messages(self) -> Iterator[Json]:
        owed: list[AttachedFile] = []
        before = ""
        for at, message in enumerate(self._request.messages):
            if message.role != "tool" and owed:
                if message.role != "user":
                    yield from self._files_of_results(owed, before)
                    before = "user"
                else:
                    message = message.model_copy(update={"attachments": (*owed, *message.attachments)})
                owed = []
            if message.role == "system" and not message.content.strip():
                continue
            if message.role == "user" and before == "tool" and self._server.answer_behind_results:
                yield {"role": "assistant", "content": _NOTED}
            if message.role == "tool" and not self._server.files_in_results:
                owed += message.attachments
            yield self._message(message, marked=at in self._marks)
            before = message.role
        if owed:
            yield from self._files_of_results(owed, before)

    def _files_of_results(self, files: Sequence[AttachedFile], before: str) -> Iterator[Json]:
        if before == "tool" and self._server.answer_behind_results:
            yield {"role": "assistant", "content": _NOTED}
        yield {"role": "user", "content": [text_part(_FILES_OF_RESULTS), *map(self._file, files)]}

    def _message(self, message: ChatMessage, *, marked: bool) -> Json:
        match message.role:
            case "assistant":
                return self._assistant(message, marked=marked)
            case "tool":
                call_id = self._ids.get(message.call_id or "") or self._id(message.call_id or "")
                files = message.attachments if self._server.files_in_results else ()
                return {
                    "role": "tool",
                    "tool_call_id": call_id,
                    "content": self._content(message.content, files, marked=marked),
                }
            case _:
                content = self._content(message.content, message.attachments, marked=marked)
                return {"role": message.role, "content": content}

    def _content(self, text: str, files: Sequence[AttachedFile], *, marked: bool) -> Any:
        if not files and not (marked and text):
            return text
        parts = [text_part(text)] if text else []
        parts += [self._file(file) for file in files]
        if marked:
            parts[-1] = parts[-1] | {"cache_control": CACHE_MARK}
        return parts

    def _file(self, file: AttachedFile) -> Json:
        url = data_url(file, self._request.files[file.sha256])
        if file.media_type in IMAGES:
            return image_part(url)
        if file.media_type == PDF:
            match self._server.pdfs:
                case "file":
                    return file_part(file.name, url)
                case "image":
                    return image_part(url)
                case "document":
                    return {"type": "document_url", "document_url": url, "document_name": file.name}
        raise BadModelRequest(f"{self._choice.label} does not take files of type {file.media_type}: {file.name}")

    # --- answers ----------------------------------------------------------------------------------------------------

    def _assistant(self, message: ChatMessage, *, marked: bool) -> Json:
        kept = self._kept(message)
        written: Json = {"role": "assistant", "content": message.content or (None if message.calls else "")}
        if marked and message.content.strip():
            written["content"] = self._content(message.content, (), marked=True)
        if thoughts := kept.get("thinking"):
            parts = [{"type": "thinking", "thinking": [text_part(thoughts)]}]
            written["content"] = [*parts, text_part(message.content)] if message.content else parts
        for name in ("reasoning_content", "reasoning", "reasoning_details", "extra_content"):
            if name in kept:
                written[name] = kept[name]
        if message.calls:
            written["tool_calls"] = list(self._calls(message.calls, kept))
            if self._server.needs_reasoning:
                written.setdefault("reasoning_content", "")
        return written

    def _kept(self, message: ChatMessage) -> Json:
        """What the same model gave for its provider; nothing where another one answered."""
        opaque = message.opaque
        if opaque is None or opaque.adapter != self._adapter or opaque.model != self._choice.label:
            return {}
        return opaque.value if isinstance(opaque.value, dict) else {}

    def _calls(self, calls: Sequence[ToolCall], kept: Json) -> Iterator[Json]:
        ids, extras = _aligned(kept.get("call_ids"), calls), _aligned(kept.get("calls"), calls)
        signs = self._server.thinking == "gemini" and not re.search(r"gemini-[12]", self._choice.name)
        for place, call in enumerate(calls):
            given = ids[place]
            self._ids[call.id] = given if isinstance(given, str) and given else self._id(call.id)
            function = {"name": call.name, "arguments": object_text(call.arguments)}
            written = {"id": self._ids[call.id], "type": "function", "function": function}
            if isinstance(extras[place], dict):
                written |= extras[place]
            elif signs and place == 0:
                written["extra_content"] = _UNSIGNED
            yield written

    def _id(self, call_id: str) -> str:
        if not self._server.nine_letter_ids or _NINE.fullmatch(call_id):
            return call_id
        number = int.from_bytes(hashlib.sha256(call_id.encode("utf-8", "replace")).digest()[:8])
        letters = []
        for _ in range(9):
            number, rest = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[rest])
        return "".join(letters)


def _aligned(values: Any, calls: Sequence[ToolCall]) -> Sequence[Any]:
    """One value for each call; none where they are not as many."""
    return values if isinstance(values, list) and len(values) == len(calls) else [None] * len(calls)

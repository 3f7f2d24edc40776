"""Ollama's own protocol, `/api/chat`: only there can a request say how much the model reads (`num_ctx`). Pure.

An answer is lines of JSON, the last of which is `done`. Calls have their arguments as objects, and perhaps no ids.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from duragent.errors import BadModelRequest, ModelUnavailable
from duragent.file_types import IMAGES
from duragent.models.base import ModelChoice
from duragent.models.direct.dialect import AnswerSoFar, WireEvent, WireRequest
from duragent.models.direct.faults import ProviderFault
from duragent.models.facts import thinks
from duragent.models.levels import level_of
from duragent.models.messages import (
    AttachedFile,
    ChatMessage,
    ModelDelta,
    ModelReply,
    ModelRequest,
    ModelUsage,
    OpaquePart,
    ToolCall,
)
from duragent.models.neighbours import merged
from duragent.models.openai_shapes import function_tool
from duragent.models.strict_json import object_of
from duragent.models.tail import placed

NAME = "ollama_chat"

_FINISH: dict[str, Literal["stop", "length"]] = {"length": "length"}
_ENDS_OF_ADDRESSES = ("/v1", "/api/chat", "/api")

_THINKS_IN_LEVELS = "gpt-oss"
"""Models that take a level, and think a little even when they should not; all others take only yes and no."""


class OllamaChat:
    """See `dialect.Dialect`."""

    name = NAME
    framing: Literal["sse", "lines"] = "lines"

    def url(self, base_url: str) -> str:
        url = base_url.rstrip("/")
        return next((url.removesuffix(end) for end in _ENDS_OF_ADDRESSES if url.endswith(end)), url)

    def written(self, choice: ModelChoice, key: str | None, request: ModelRequest) -> WireRequest:
        _refuse_what_it_has_not(choice, request)
        offered = request.tools if request.tool_choice != "none" else ()
        optional: dict[str, Any] = {
            "tools": [function_tool(tool) for tool in offered],
            "think": _think(choice, request),
            "format": request.response_schema.json_schema if request.response_schema else None,
            "options": _options(request),
        }
        body = {
            "model": choice.name,
            "messages": list(_messages(choice, request)),
            "stream": True,
        } | {name: value for name, value in optional.items() if value not in (None, [], {})}
        return WireRequest("/api/chat", body, {"Authorization": f"Bearer {key}"} if key else {})

    def begin_answer(self, choice: ModelChoice) -> AnswerSoFar:
        return _Answer(choice)


def _refuse_what_it_has_not(choice: ModelChoice, request: ModelRequest) -> None:
    """Raises BadModelRequest where leaving something out would give another answer than the one that was asked for."""
    if not request.tools or request.tool_choice == "none":
        return
    if request.tool_choice != "auto":
        raise BadModelRequest(f"{choice.label}: Ollama cannot make a model call a tool; leave out `tool_choice`")
    if request.response_schema is not None:
        # The schema would hold for everything that the model writes, so it could not call.
        raise BadModelRequest(f"{choice.label}: with Ollama an answer in a given form is only possible without tools")


def _options(request: ModelRequest) -> dict[str, Any]:
    given = {
        "num_ctx": request.window_tokens,
        "num_predict": request.max_output_tokens,
        "temperature": request.temperature,
    }
    return {name: value for name, value in given.items() if value is not None}


def _think(choice: ModelChoice, request: ModelRequest) -> bool | str | None:
    asked = request.thinking
    if asked is None:
        return None
    if _THINKS_IN_LEVELS not in choice.name.lower():
        if asked == "off":
            return False
        # A model that cannot think is refused when it should. Others think by themselves.
        return True if thinks(choice) else None
    if isinstance(asked, int):
        return level_of(asked)
    return "low" if asked == "off" else asked


# --- messages -------------------------------------------------------------------------------------------------------


def _messages(choice: ModelChoice, request: ModelRequest) -> Iterator[dict[str, Any]]:
    tool_of_call: dict[str, str] = {}
    for message in merged(placed(request).messages):
        written: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.attachments:
            written["images"] = [_image(choice, request, file) for file in message.attachments]
        if message.role == "tool":
            call_id = message.call_id or ""
            written |= {"tool_name": tool_of_call.get(call_id, ""), "tool_call_id": call_id}
        if message.calls:
            tool_of_call |= {call.id: call.name for call in message.calls}
            written["tool_calls"] = [_call(call) for call in message.calls]
        if thought := _thought(choice, message):
            written["thinking"] = thought
        yield written


def _image(choice: ModelChoice, request: ModelRequest, file: AttachedFile) -> str:
    if file.media_type not in IMAGES:
        raise BadModelRequest(f"{choice.label}: Ollama takes images only, and '{file.name}' is none")
    return base64.b64encode(request.files[file.sha256]).decode()


def _thought(choice: ModelChoice, message: ChatMessage) -> str:
    """What the model thought before it called tools: without it, it begins to think all over again."""
    kept = message.opaque
    if kept is None or kept.adapter != NAME or kept.model != choice.label or not isinstance(kept.value, Mapping):
        return ""
    thought = kept.value.get("thinking")
    return thought if isinstance(thought, str) else ""


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "function": {"name": call.name, "arguments": object_of(call.arguments)}}


# --- answers --------------------------------------------------------------------------------------------------------


class _Answer:
    """See `dialect.AnswerSoFar`."""

    def __init__(self, choice: ModelChoice) -> None:
        self._choice = choice
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._calls: list[ToolCall] = []
        self._model = ""
        self._last: Mapping[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        return self._last is not None

    @property
    def is_whole(self) -> bool:
        return self._last is not None

    def add(self, event: WireEvent) -> ModelDelta | None:
        piece = self._read(event.data)
        if (error := piece.get("error")) is not None:
            raise _fault(error, piece)
        if isinstance(named := piece.get("model"), str):
            self._model = named or self._model
        if piece.get("done") is True:
            self._last = piece
        message = piece.get("message")
        return self._add_message(message) if isinstance(message, dict) else None

    def reply(self) -> ModelReply:
        last = self._last or {}
        thinking, calls = "".join(self._thinking), tuple(self._calls)
        finish = _FINISH.get(str(last.get("done_reason")), "stop")
        kept = OpaquePart(adapter=NAME, model=self._choice.label, value={"thinking": thinking})
        return ModelReply(
            text="".join(self._text),
            reasoning=thinking,
            calls=calls,
            finish_reason="tool_calls" if calls and finish == "stop" else finish,
            model=self._model,
            usage=ModelUsage.model_validate(
                {"input_tokens": last.get("prompt_eval_count"), "output_tokens": last.get("eval_count")}
            ),
            # Thoughts before an answer without calls are not needed any more when the next question comes.
            opaque=kept if thinking and calls else None,
        )

    def _read(self, line: str) -> dict[str, Any]:
        try:
            piece = json.loads(line)
        except (ValueError, RecursionError):
            piece = None
        if not isinstance(piece, dict):
            raise ModelUnavailable(f"{self._choice.label}: a line of the answer is no JSON object")
        return piece

    def _add_message(self, message: Mapping[str, Any]) -> ModelDelta | None:
        text, thinking = _text_of(message, "content"), _text_of(message, "thinking")
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            self._add_call(call)
        if not text and not thinking:
            return None
        self._text.append(text)
        self._thinking.append(thinking)
        return ModelDelta(text=text, reasoning=thinking)

    def _add_call(self, call: Any) -> None:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            return
        given = function.get("arguments")
        arguments = given if isinstance(given, str) else json.dumps({} if given is None else given, ensure_ascii=False)
        taken = {each.id for each in self._calls}
        call_id = _text_of(call, "id")
        if not call_id or call_id in taken:
            call_id = next(made for n in range(1, len(taken) + 2) if (made := f"call_{n}") not in taken)
        self._calls.append(ToolCall(id=call_id, name=_text_of(function, "name"), arguments=arguments))


def _text_of(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _fault(error: Any, piece: Mapping[str, Any]) -> ProviderFault:
    said = error.get("message") if isinstance(error, dict) else error
    status = piece.get("status_code", piece.get("status"))
    return ProviderFault(str(said), status if isinstance(status, int) and not isinstance(status, bool) else None)

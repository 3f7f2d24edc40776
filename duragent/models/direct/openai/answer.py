"""An answer in Chat Completions, gathered while it arrives, with what each server does in its own way. Pure."""

import json
from typing import Any, Literal

from pydantic_core import from_json

from duragent.errors import ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.direct.dialect import WHOLE, WireEvent
from duragent.models.direct.faults import ProviderFault, said_in
from duragent.models.direct.openai.calls import GatheredCalls
from duragent.models.direct.openai.servers import ChatServer
from duragent.models.direct.openai.usage import usage_and_cost
from duragent.models.messages import ModelDelta, ModelReply, OpaquePart
from duragent.text import without_surrogates

_Finish = Literal["stop", "length", "tool_calls", "content_filter"]
_FINISH: dict[str, _Finish] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "spii": "content_filter",
    "sensitive": "content_filter",
    "refusal": "content_filter",
}
"""By the word that a server has for it; every other one is "stop"."""

_FAILED = ("error", "insufficient_system_resource", "network_error")
_STATUS = {
    "rate_limit": 429,
    "quota": 429,
    "authentication": 401,
    "permission": 403,
    "not_found": 404,
    "invalid_request": 400,
    "context_length": 400,
    "overloaded": 529,
    "server_error": 500,
}
"""The HTTP status that an error in a stream stands for, by a part of its type or code."""


class OpenAiAnswer:
    """One answer."""

    def __init__(self, adapter: str, choice: ModelChoice, server: ChatServer) -> None:
        self._adapter, self._choice, self._server = adapter, choice, server
        self.is_over = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._reasoning_field = ""
        self._details: list[dict[str, Any]] = []
        self._extra: dict[str, Any] = {}
        self._calls = GatheredCalls()
        self._model = ""
        self._refused = False
        self._in_thought = False
        self._finish: str | None = None
        self._usage: Any = None

    @property
    def is_whole(self) -> bool:
        """Some servers never say why an answer ended, only that it did."""
        return self._finish is not None or (self.is_over and bool(self._text or self._reasoning or self._calls))

    def add(self, event: WireEvent) -> ModelDelta | None:
        data = event.data
        if data.startswith("[DONE]"):
            self.is_over = True
            return None
        chunk = self._object(data)
        if (error := chunk.get("error")) or event.name == "error" or chunk.get("object") == "error":
            raise ProviderFault(said_in(data) or "failed without a word", _status_of(error) or _status_of(chunk))
        if (model := chunk.get("model")) and model.__class__ is str:
            self._model = model
        if (usage := chunk.get("usage") or _usage_of_groq(chunk)) is not None:
            self._usage = usage or self._usage
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return None
        if finish := choice.get("finish_reason"):
            self._end(str(finish).lower())
        said = choice.get("delta") or choice.get("message")
        delta = self._add_said(said) if isinstance(said, dict) else None
        if event.name == WHOLE:
            self.is_over = True
            self._finish = self._finish or "stop"
        return delta

    def reply(self) -> ModelReply:
        calls = self._calls.whole()
        usage, cost = usage_and_cost(self._choice, self._server, self._model, self._usage)
        finish: _Finish = "content_filter" if self._refused else self._why()
        if finish in ("stop", "tool_calls"):
            # Some servers say "stop" although they call, or the other way round; the calls are what counts.
            finish = "tool_calls" if calls else "stop"
        value = self._wanted_back()
        return ModelReply(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            calls=calls,
            finish_reason=finish,
            model=without_surrogates(self._model),
            usage=usage,
            cost_usd=cost,
            opaque=OpaquePart(adapter=self._adapter, model=self._choice.label, value=value) if value else None,
        )

    # --- what is said -----------------------------------------------------------------------------------------------

    def _add_said(self, said: dict[str, Any]) -> ModelDelta | None:
        content = said.get("content")
        if content.__class__ is str and len(said) == 1 and not self._in_thought:
            # Nearly every event; the rest need not be looked for.
            text, reasoning = content, ""
        else:
            text, reasoning = self._read(said, content)
        if not text and not reasoning:
            return None
        if text:
            self._text.append(text)
        if reasoning:
            self._reasoning.append(reasoning)
        return ModelDelta(text=text, reasoning=reasoning)

    def _read(self, said: dict[str, Any], content: Any) -> tuple[str, str]:
        """The text and the reasoning that a piece has; all else in it is taken in."""
        text, reasoning = (content, "") if isinstance(content, str) else self._read_parts(content)
        if isinstance(extra := said.get("extra_content"), dict):
            text, reasoning = self._read_extra(extra, text)
        elif self._in_thought and text:
            self._in_thought, text = False, text.removeprefix("</thought>")
        if isinstance(details := said.get("reasoning_details"), list):
            reasoning += self._read_details(details, is_shown="reasoning" not in said)
        for name in ("reasoning_content", "reasoning"):
            if isinstance(thought := said.get(name), str) and thought:
                self._reasoning_field = name
                reasoning = thought
                break
        if isinstance(refusal := said.get("refusal"), str) and refusal:
            self._refused = True
            text = refusal + text
        if isinstance(pieces := said.get("tool_calls"), list):
            for piece in pieces:
                self._calls.add(piece)
        if said.get("function_call"):
            self._calls.add_function(said["function_call"])
        return text, reasoning

    def _read_parts(self, content: Any) -> tuple[str, str]:
        """Mistral's way: content as a list of parts, some of which are thinking."""
        text, thought = "", ""
        for part in content if isinstance(content, list) else ():
            if isinstance(part, str):
                text += part
            elif isinstance(part, dict) and part.get("type") == "thinking":
                self._reasoning_field = "thinking"
                thought += _text_of(part.get("thinking"))
            elif isinstance(part, dict):
                text += _text_of(part.get("text"))
        return text, thought

    def _read_extra(self, extra: dict[str, Any], text: str) -> tuple[str, str]:
        """Gemini's way: thoughts are marked as such, and so is what it wants back."""
        google = extra.get("google")
        google = google if isinstance(google, dict) else {}
        wanted = {name: value for name, value in google.items() if name != "thought"}
        if wanted:
            self._extra["google"] = self._extra.get("google", {}) | wanted
        self._extra |= {name: value for name, value in extra.items() if name != "google"}
        if google.get("thought") is True:
            self._in_thought = True
            return "", text.removeprefix("<thought>")
        if self._in_thought and text:
            self._in_thought, text = False, text.removeprefix("</thought>")
        return text, ""

    def _read_details(self, details: list[Any], *, is_shown: bool) -> str:
        """OpenRouter's way: pieces of reasoning blocks, which it wants back as whole ones. Gives their text."""
        shown = ""
        for piece in details:
            if not isinstance(piece, dict):
                continue
            shown += _text_of(piece.get("text")) or _text_of(piece.get("summary"))
            last = self._details[-1] if self._details else None
            if last is not None and _continues(last, piece):
                for name, value in piece.items():
                    if name in ("text", "summary", "data") and isinstance(value, str):
                        last[name] = _text_of(last.get(name)) + value
                    elif value is not None:
                        last[name] = value
            else:
                self._details.append(dict(piece))
        return shown if is_shown else ""

    # --- how it ends ------------------------------------------------------------------------------------------------

    def _end(self, finish: str) -> None:
        if finish in _FAILED:
            raise ProviderFault(f"the provider ended the answer with '{finish}'")
        if "malformed_function_call" in finish and not self._text and not self._calls:
            raise ProviderFault("the model wrote a call that its provider could not read")
        self._finish = finish

    def _why(self) -> _Finish:
        # Gemini says more behind a colon: "content_filter: SAFETY".
        return _FINISH.get((self._finish or "").partition(":")[0].strip(), "stop")

    def _wanted_back(self) -> dict[str, Any]:
        """What the provider wants back with this answer; empty for nothing."""
        value: dict[str, Any] = {}
        wants, field = self._server.wants_reasoning, self._reasoning_field
        if self._details:
            value["reasoning_details"] = self._details
        elif field and (wants == "all" or (wants == "calls" and self._calls)):
            value[field] = "".join(self._reasoning)
        if self._extra:
            value["extra_content"] = self._extra
        if any(extras := self._calls.extras()):
            value["calls"] = extras
        ids = [call.id for call in self._calls.whole()]
        if ids and (
            value.keys() & {"reasoning_details", "calls"} or any(each.startswith("functions.") for each in ids)
        ):
            # Blocks of reasoning name the calls that they belong to, by the provider's own ids.
            value["call_ids"] = ids
        return value

    # --- what cannot be read ----------------------------------------------------------------------------------------

    def _object(self, data: str) -> dict[str, Any]:
        """The object, also out of a list of one, as Gemini sends its errors. Raises ModelUnavailable for no JSON."""
        try:
            chunk = from_json(data)
        except ValueError:
            chunk = self._odd_json(data)
        if isinstance(chunk, dict):
            return chunk
        return chunk[0] if isinstance(chunk, list) and chunk and isinstance(chunk[0], dict) else {}

    def _odd_json(self, data: str) -> Any:
        """What only the slower reader takes, such as half of a surrogate pair."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise ModelUnavailable(f"{self._choice.label}: the provider sent an event that is no JSON") from None


def _status_of(error: Any) -> int | None:
    if not isinstance(error, dict):
        return None
    for name in ("code", "status", "status_code", "http_status"):
        value = error.get(name)
        if isinstance(value, str) and value.isdigit():
            value = int(value[:4])
        if isinstance(value, int) and 400 <= value < 600:
            return value
    words = " ".join(str(error.get(name)).lower() for name in ("code", "type", "status") if error.get(name))
    return next((status for part, status in _STATUS.items() if part in words), None)


def _continues(last: dict[str, Any], piece: dict[str, Any]) -> bool:
    """Whether a piece goes on with that block of reasoning."""
    if piece.get("type") != last.get("type") or piece.get("index") != last.get("index"):
        return False
    if piece.get("type") == "reasoning.encrypted":
        return False
    return piece.get("id") is None or last.get("id") is None or piece["id"] == last["id"]


def _usage_of_groq(chunk: dict[str, Any]) -> Any:
    groq = chunk.get("x_groq")
    return groq.get("usage") if isinstance(groq, dict) else None


def _text_of(value: Any) -> str:
    if isinstance(value, list):
        return "".join(_text_of(part.get("text")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""

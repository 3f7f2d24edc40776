"""Anthropic's Messages, streamed: for Anthropic, and for every server that speaks it at a `base_url`.

Written after https://platform.claude.com/docs/en/api/messages and the pages on streaming, thinking, caching and tools.
"""

from typing import Any, Literal

from duragent.models.base import ModelChoice
from duragent.models.direct.anthropic.answer import NAME, MessageSoFar
from duragent.models.direct.anthropic.claude import facts_of
from duragent.models.direct.anthropic.thinking import Thought, thought_of
from duragent.models.direct.anthropic.written import WrittenConversation, written_tools
from duragent.models.direct.dialect import WireRequest
from duragent.models.messages import ModelRequest, OneTool
from duragent.models.tail import placed

_PATH = "/v1/messages"
_ORIGIN = "https://api.anthropic.com"
_VERSION = "2023-06-01"
_BINDING_CONTROLS = "thinking-binding-controls-2026-08-01"
_BETWEEN_CALLS = "interleaved-thinking-2025-05-14"
"""Models up to 4.5 think again behind the result of a tool only when a request says so. Anthropic's own servers pass
over the word where it means nothing; others may not."""

_OUTPUT_TOKENS = 4096
"""Without a limit of the agent's own. Every request needs one."""

_WARMEST = 1.0
"""The highest temperature that is taken."""


class AnthropicMessages:
    """See the module docstring."""

    name = NAME
    framing: Literal["sse", "lines"] = "sse"

    def url(self, base_url: str) -> str:
        url = base_url.rstrip("/")
        return url.removesuffix("/messages").removesuffix("/v1")

    def written(self, choice: ModelChoice, key: str | None, request: ModelRequest) -> WireRequest:
        """Raises BadModelRequest where the model cannot do what is asked."""
        facts = facts_of(choice.name)
        request = placed(request, apart=True)
        conversation = WrittenConversation(choice, request)
        thought = thought_of(choice, facts, request, thinking_is_missing=conversation.lacks_thinking())
        body: dict[str, Any] = {
            "model": choice.name,
            "max_tokens": thought.max_tokens or request.max_output_tokens or _OUTPUT_TOKENS,
            **conversation.written(with_thinking=thought.gives_back),
            "stream": True,
        }
        if tools := written_tools(request, conversation.called):
            body["tools"] = tools
            if (tool_choice := _tool_choice(request)) is not None:
                body["tool_choice"] = tool_choice
        if request.temperature is not None and facts.takes_temperature and not thought.is_on:
            body["temperature"] = min(request.temperature, _WARMEST)
        if thought.config:
            body["thinking"] = thought.config
        if output := _output(thought, request):
            body["output_config"] = output
        return WireRequest(_PATH, body, _headers(choice, key, thought))

    def begin_answer(self, choice: ModelChoice) -> MessageSoFar:
        return MessageSoFar(choice)


def _headers(choice: ModelChoice, key: str | None, thought: Thought) -> dict[str, str]:
    headers = {"anthropic-version": _VERSION}
    is_anthropic = choice.base_url is None or choice.base_url.startswith(_ORIGIN)
    config = thought.config or {}
    if "block_binding" in config:
        headers["anthropic-beta"] = _BINDING_CONTROLS
    elif "budget_tokens" in config and is_anthropic:
        headers["anthropic-beta"] = _BETWEEN_CALLS
    if key is not None:
        headers["x-api-key"] = key
        if not is_anthropic:
            # Some servers that speak this protocol look only here.
            headers["Authorization"] = f"Bearer {key}"
    return headers


def _tool_choice(request: ModelRequest) -> dict[str, Any] | None:
    if not request.tools:
        # What was called before is described, so that the request is well-formed; it is not offered.
        return {"type": "none"}
    match request.tool_choice:
        case OneTool(name=name):
            return {"type": "tool", "name": name}
        case "required":
            return {"type": "any"}
        case "none":
            return {"type": "none"}
        case _:
            return None


def _output(thought: Thought, request: ModelRequest) -> dict[str, Any]:
    output: dict[str, Any] = {}
    if thought.effort:
        output["effort"] = thought.effort
    if request.response_schema is not None:
        output["format"] = {"type": "json_schema", "schema": closed(request.response_schema.json_schema)}
    return output


def closed(schema: Any) -> Any:
    """The schema with `additionalProperties: false` for every object that says nothing of it, which is demanded."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return {"additionalProperties": False, **inner} if schema.get("type") == "object" else inner

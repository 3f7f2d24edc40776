"""OpenAI's Chat Completions, streamed: OpenAI, OpenRouter, Gemini's compatible address, and every `base_url`. Pure.

`openai.servers` knows what is particular about a server, `openai.messages` writes the conversation, `openai.answer`
reads what comes back.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from duragent.models.base import ModelChoice
from duragent.models.direct.dialect import WireRequest
from duragent.models.direct.openai.answer import OpenAiAnswer
from duragent.models.direct.openai.messages import written_messages
from duragent.models.direct.openai.servers import (
    ChatServer,
    api_url,
    hands_on_to_claude,
    is_thinking_openai,
    operation_path,
    server_of,
)
from duragent.models.direct.openai.thinking import thinking_fields
from duragent.models.messages import ModelRequest, ResponseSchema
from duragent.models.neighbours import with_merged_neighbours
from duragent.models.openai_shapes import function_choice, function_tool
from duragent.models.tail import placed


class OpenAiChat:
    """The dialect."""

    name = "openai_chat"
    framing: Literal["sse", "lines"] = "sse"

    def url(self, base_url: str) -> str:
        return api_url(base_url)

    def written(self, choice: ModelChoice, key: str | None, request: ModelRequest) -> WireRequest:
        """Raises BadModelRequest for an attachment that the server does not take."""
        server = server_of(choice)
        # Claude gets a result and the text behind it as one message, so that the cache mark can stay on the result.
        request = with_merged_neighbours(placed(request, apart=hands_on_to_claude(choice, server)))
        body: dict[str, Any] = {
            "model": choice.name,
            "messages": written_messages(self.name, choice, server, request),
            "stream": True,
        }
        if server.takes_stream_options:
            body["stream_options"] = {"include_usage": True}
        if server.cost_in_usage:
            body["usage"] = {"include": True}
        if request.tools:
            body["tools"] = [function_tool(tool) for tool in request.tools]
            if request.tool_choice != "auto":
                body["tool_choice"] = function_choice(request.tool_choice)
        if request.max_output_tokens is not None:
            body[server.limit_field] = request.max_output_tokens
        if request.response_schema is not None:
            body["response_format"] = _response_format(server, request.response_schema)
            if not server.takes_schemas:
                body["messages"] = _with_schema(body["messages"], request.response_schema)
        if not _lacks_thinking(choice, server, body["messages"]):
            body |= thinking_fields(choice, server, request.thinking, has_tools=bool(request.tools))
        if request.temperature is not None and _takes_temperature(choice, body):
            body["temperature"] = request.temperature
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return WireRequest(operation_path(choice.base_url), body, headers)

    def begin_answer(self, choice: ModelChoice) -> OpenAiAnswer:
        return OpenAiAnswer(self.name, choice, server_of(choice))


def _lacks_thinking(choice: ModelChoice, server: ChatServer, messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether Claude is in the middle of calls that have no thinking of its own: then it refuses to go on with some."""
    if not hands_on_to_claude(choice, server):
        return False
    for at in range(len(messages) - 1, 0, -1):
        message = messages[at]
        if message["role"] == "user" and messages[at - 1]["role"] != "tool":
            return False
        if message.get("tool_calls") and not message.get("reasoning_details"):
            return True
    return False


def _takes_temperature(choice: ModelChoice, body: dict[str, Any]) -> bool:
    return not is_thinking_openai(choice.name) or body.get("reasoning_effort") == "none"


def _response_format(server: ChatServer, schema: ResponseSchema) -> dict[str, Any]:
    if not server.takes_schemas:
        return {"type": "json_object"}
    form = {"name": schema.name, "schema": schema.json_schema, "strict": _is_strict(schema.json_schema)}
    return {"type": "json_schema", "json_schema": form}


def _with_schema(messages: list[dict[str, Any]], schema: ResponseSchema) -> list[dict[str, Any]]:
    """The messages, of which the first says in words what the server cannot be asked for in another way."""
    said = f"Answer with one JSON object that fits this JSON schema:\n{json.dumps(schema.json_schema)}"
    if messages[0]["role"] != "system":
        return [{"role": "system", "content": said}, *messages]
    return [messages[0] | {"content": f"{messages[0]['content']}\n\n{said}"}, *messages[1:]]


def _is_strict(schema: Any) -> bool:
    """Whether every object in the schema names all its properties as required and allows no others.

    In strict mode a provider refuses every other schema.
    """
    if isinstance(schema, list):
        return all(_is_strict(each) for each in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        names = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(names):
            return False
        return all(_is_strict(each) for name, each in schema.items() if name != "properties") and all(
            _is_strict(each) for each in names.values()
        )
    return all(_is_strict(each) for each in schema.values())

"""What the rules of all stub providers share: how one refuses, and what all refuse."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Json = Mapping[str, Any]

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Refusal:
    """An error answer: the HTTP status and the sentence."""

    status: int
    message: str


class RefusedByProvider(Exception):
    """Raised by a rule."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.refusal = Refusal(status, message)
        super().__init__(message)


def refuse_if(wrong: bool, message: str, status: int = 400) -> None:
    if wrong:
        raise RefusedByProvider(message, status)


def check_key(key: str | None) -> None:
    """None: no header for it came at all, as a server on one's own machine takes it."""
    refuse_if(key == "", "You didn't provide an API key.", 401)
    refuse_if(key == "bad-key", "Incorrect API key provided: bad-key.", 401)


def check_messages(body: Json) -> None:
    refuse_if(not isinstance(body.get("model"), str), "you must provide a model parameter")
    messages = body.get("messages")
    refuse_if(not isinstance(messages, list) or not messages, "messages: at least one message is required")


def check_tool(name: object, schema: object) -> None:
    named = isinstance(name, str) and _TOOL_NAME.fullmatch(name)
    refuse_if(not named, f"Invalid tool name {name!r}: expected a string that matches '^[a-zA-Z0-9_-]{{1,64}}$'.")
    an_object = isinstance(schema, dict) and schema.get("type") == "object"
    refuse_if(not an_object, f"Invalid schema for function {name!r}: must be a JSON Schema of 'type: \"object\"'.")


def check_alternation(body: Json) -> None:
    """What the prompt templates of many open models demand, and so the servers that fill them in."""
    roles = [message["role"] for message in body["messages"] if message["role"] not in ("system", "developer")]
    twice = any(one == other != "tool" for one, other in pairwise(roles))
    refuse_if(twice, "After the optional system message, conversation roles must alternate user/assistant.")


def in_progress(messages: Sequence[Json]) -> Sequence[Json]:
    """The messages behind the last one that a person wrote: the calls and results of a turn that goes on.

    A message of a role `user` that has results is no such one: Anthropic's results stand in there.
    """
    for at in range(len(messages) - 1, -1, -1):
        if messages[at]["role"] == "user" and not _has_results(messages[at]):
            return messages[at + 1 :]
    return messages


def _has_results(message: Json) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(block.get("type") == "tool_result" for block in content)

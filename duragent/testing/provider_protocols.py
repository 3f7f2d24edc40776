"""The protocols that the stub speaks, each found by the path that is asked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from duragent.testing import ollama_wire, provider_rules, provider_wire
from duragent.testing.anthropic_rules import signer_of_answer
from duragent.testing.provider_wire import Chunk, ProviderAnswer
from duragent.testing.refusals import Refusal

ProtocolName = Literal["openai", "anthropic", "ollama"]
Json = Mapping[str, Any]


@dataclass(frozen=True)
class ProviderProtocol:
    """How one is spoken."""

    name: ProtocolName
    """For tests."""
    path: str
    """How the path of its requests ends."""
    refuse: Callable[[Json, Mapping[str, str]], Refusal | None]
    """What the real provider holds against a request with these headers."""
    error: Callable[[int, str], bytes]
    """The body of an answer that is an error status."""
    stream_error: Callable[[str], bytes]
    """An error in the middle of a stream."""
    whole: Callable[[ProviderAnswer, str], bytes]
    """The answer of that model as one JSON object."""
    stream: Callable[[ProviderAnswer, Json], Iterator[Chunk]]
    """The answer to that request in pieces."""
    media_type: str = "text/event-stream"
    """Of the stream."""
    streams_unasked: bool = False
    """Whether a request that does not say `stream` gets one."""

    def is_to_stream(self, body: Json) -> bool:
        wish = body.get("stream")
        return self.streams_unasked if wish is None else bool(wish)


def _openai_stream(answer: ProviderAnswer, body: Json) -> Iterator[Chunk]:
    with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return provider_wire.openai_stream(answer, body["model"], with_usage=with_usage)


_PROTOCOLS = (
    ProviderProtocol(
        "openai",
        "/chat/completions",
        provider_rules.refuse_openai,
        provider_wire.openai_error,
        provider_wire.openai_stream_error,
        provider_wire.openai_object,
        _openai_stream,
    ),
    ProviderProtocol(
        "anthropic",
        "/v1/messages",
        provider_rules.refuse_anthropic,
        provider_wire.anthropic_error,
        provider_wire.anthropic_stream_error,
        provider_wire.anthropic_object,
        lambda answer, body: provider_wire.anthropic_stream(answer, body["model"], signer_of_answer(body)),
    ),
    ProviderProtocol(
        "ollama",
        "/api/chat",
        provider_rules.refuse_ollama,
        ollama_wire.ollama_error,
        ollama_wire.ollama_stream_error,
        ollama_wire.ollama_object,
        lambda answer, body: ollama_wire.ollama_stream(answer, body["model"]),
        "application/x-ndjson",
        streams_unasked=True,
    ),
)


def protocol_at(path: str) -> ProviderProtocol | None:
    """The protocol whose requests go to this path; None: the stub knows nothing there."""
    return next((each for each in _PROTOCOLS if path.endswith(each.path)), None)

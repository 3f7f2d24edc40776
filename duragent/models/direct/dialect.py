"""What a protocol must say of itself, so that the engine (`model`) can ask in it. Values in, values out: no I/O.

A dialect writes a request as JSON, and makes an `AnswerSoFar` for each answer. The engine sends the one, feeds the
other with what comes back, and does all that is the same for every protocol: connections, limits, faults of the wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from duragent.models.base import ModelChoice
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One POST to a provider."""

    path: str
    """Behind the address of the API, such as `/chat/completions`."""
    body: Mapping[str, Any]
    """JSON."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Besides Content-Type; the key is in here."""


WHOLE = "whole"
"""The name of the one event of an answer that came as a whole: some servers do not stream, whatever they are asked."""


class WireEvent(NamedTuple):
    """One event of an answer."""

    name: str
    """The event's name in SSE; "message" where it has none, and for lines of JSON; or WHOLE."""
    data: str
    """What it says: JSON, mostly."""


class AnswerSoFar(Protocol):
    """One answer while it arrives."""

    @property
    def is_over(self) -> bool:
        """Nothing comes after what was taken in: the provider said so itself."""
        ...

    @property
    def is_whole(self) -> bool:
        """The answer has its end, so that it is none that broke off."""
        ...

    def add(self, event: WireEvent) -> ModelDelta | None:
        """Take in one event; what it adds for the eye, if anything.

        Raises ProviderFault where the provider says in the stream that it failed; ModelError where it cannot be read.
        """
        ...

    def reply(self) -> ModelReply:
        """The whole answer. Called once, when `is_whole`."""
        ...


class Dialect(Protocol):
    """One protocol."""

    name: str
    """Also the `adapter` of what it keeps as opaque."""
    framing: Literal["sse", "lines"]
    """How a streamed answer is cut into events: server-sent events, or a line of JSON each."""

    def url(self, base_url: str) -> str:
        """The address of the API, from a `base_url` as people write it; they may leave out or add a `/v1`."""
        ...

    def written(self, choice: ModelChoice, key: str | None, request: ModelRequest) -> WireRequest:
        """The request in this protocol. `key` None: none is sent."""
        ...

    def begin_answer(self, choice: ModelChoice) -> AnswerSoFar:
        """A new one for an answer of that model."""
        ...

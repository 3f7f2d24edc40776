"""Events of a turn, from the message that begins it to its end, and of its questions to the model."""

from typing import Any, Literal

from duragent.journal.events.base import Call, EventModel, TokenCounts, TurnOutcome
from duragent.text import Brief, Text

REFUSED = "content_filter"
"""`ModelReplied.finish_reason` of an answer that the model or its provider declined to give, or to go on with."""


class TurnStarted(EventModel):
    """Durable before the first model call."""

    type: Literal["turn_started"] = "turn_started"
    turn: str
    """Its id, unique in the session."""
    trigger: int
    """The seq of the oldest message that waits for an answer."""
    agent_fingerprint: str = ""
    """Of the agent's files as this turn uses them; "" when they could not be read."""


class ModelCalled(EventModel):
    """Durable before the request leaves."""

    type: Literal["model_called"] = "model_called"
    turn: str
    """The turn that it belongs to."""
    step: int
    """Counts the questions of the turn, from 1."""
    attempt: int
    """Counts the attempts at this question, from 1."""
    epoch: int
    """The owner that asked; see `OwnerClaimed`."""
    model: Text
    """The model that is asked, as `provider/name`."""
    input_seq: int
    """The model sees records up to this seq."""
    request_sha256: str = ""
    """Of the request as JSON; "" in old logs."""
    estimated_tokens: int = 0
    """Our own count of the request. The provider's count later calibrates it."""
    reserved_tokens: int | None = None
    """The estimate and the room for the answer; None in old logs."""
    reserved_usd: float | None = None
    """The price of `reserved_tokens`; None when it is not known."""
    window_tokens: int | None = None
    """How much the model can read; None in old logs."""
    frame_sha256: str = ""
    """The newest `PromptSet` with it says what stood around the conversation; "" in old logs."""
    first_seq: int | None = None
    """The oldest record that the request was made from; None in old logs."""
    cut_seq: int | None = None
    """Messages before this record are left out, and a notice says so; None while none are, and in old logs."""


class KeptOpaque(EventModel):
    """What a provider wants back with an answer, word for word: signed thinking, thought signatures and the like."""

    adapter: str
    """The adapter that wrote it, and alone can read it, such as `anthropic_messages`."""
    model: Text = ""
    """The model that it is from, as `provider/name`; another one does not get it."""
    value: Any = None
    """JSON of that adapter; None when it is in a blob."""
    sha256: str = ""
    """The blob with the JSON where it is too long for a line; durable before this record. Else ""."""


class ModelReplied(EventModel):
    """The answer with all its tool calls, in one line. Durable before any tool or client sees it as final."""

    type: Literal["model_replied"] = "model_replied"
    message_id: str
    """Its id, unique in the session."""
    turn: str = ""
    """"" in logs of duragent-rust."""
    step: int = 1
    """The question that it answers; see `ModelCalled`."""
    attempt: int = 1
    """The attempt that it answers."""
    model: Text = ""
    """The model that answered, as the provider names it."""
    text: Text = ""
    """The answer; "" where the model only asked for tools."""
    reasoning: Text = ""
    """What the model thought, as far as the provider shows it; else ""."""
    calls: tuple[Call, ...] = ()
    """In the order in which they run."""
    finish_reason: Text = "stop"
    """stop, length, tool_calls or content_filter; of the last `text` is what was said, perhaps nothing."""
    usage: TokenCounts = TokenCounts()
    """What the attempt used."""
    cost_usd: float | None = None
    """None when the price is not known."""
    opaque: KeptOpaque | None = None
    """What the provider wants back with it in later requests; None for nothing."""


class ModelFailed(EventModel):
    """An attempt gave no answer."""

    type: Literal["model_failed"] = "model_failed"
    turn: str
    """The turn that it belongs to."""
    step: int
    """The question that failed; see `ModelCalled`."""
    attempt: int
    """The attempt that failed."""
    error: str
    """The code of a ModelError, or interrupted, cancelled, paused, shutdown."""
    message: Brief = ""
    """A sentence for people."""
    retry: bool = False
    """Whether the turn asks again."""
    retry_after_seconds: float | None = None
    """The pause that the provider wants; None when it named none."""
    message_id: str | None = None
    """Of the partial answer; None when nothing was shown."""
    partial_text: Text = ""
    """What watchers had seen of the answer."""
    partial_reasoning: Text = ""
    """What watchers had seen of the reasoning."""
    possible_tokens: int | None = None
    """What the attempt may have used at most, where what it did use cannot be known; None where it is known."""
    possible_usd: float | None = None
    """The price of `possible_tokens`; None when it is not known."""


class CancelRequested(EventModel):
    """A person stopped the turn. Durable before 200; the turn settles what is open and ends."""

    type: Literal["cancel_requested"] = "cancel_requested"
    turn: str
    """The turn that is stopped."""
    by: Brief = ""
    """Who stopped it; "" when the client did not say."""
    idempotency_key: Text | None = None
    """The key of the request; a second request with it gets this record's seq."""
    fingerprint: str | None = None
    """Of what was sent under the key."""


class TurnEnded(EventModel):
    """The turn is over. A paused one is taken up again by the next message."""

    type: Literal["turn_ended"] = "turn_ended"
    turn: str
    """The turn that it belongs to."""
    outcome: TurnOutcome
    """`paused` is no end for the message: it waits again."""
    code: str = ""
    """The error of a failed or paused turn; "" of others."""
    reason: Brief = ""
    """A sentence for people."""

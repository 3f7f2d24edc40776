"""The state of a session: what its records add up to (`apply.reduce` is the one way to it).

It holds small control facts only, never what was said, so that a fold is cheap, a snapshot is small and a fast open is
possible. All of it is frozen.
"""

from dataclasses import dataclass
from typing import Literal

from duragent.journal.call_states import CallStatus
from duragent.journal.events import EffectClass, ModelFailed, OnDisconnect
from duragent.journal.record import BLOB_MIN_BYTES
from duragent.journal.source import Door, Source
from duragent.text import Text

REMEMBERED_KEYS = 128
"""How many Idempotency-Keys of the newest requests a session remembers."""

REMEMBERED_DECISIONS = 32
"""How many of the newest decisions a session remembers."""

REMEMBERED_REPEATS = 64
"""How many different calls of a turn are watched for repetition."""

TOPIC_MAX = 80
"""Characters of a session's topic: the beginning of its first message, so that people can tell sessions apart."""

TOPIC_TEXT_MAX = BLOB_MIN_BYTES // 4
"""Up to so many characters a message is certain to stand in its line."""

REASON_MAX = 500
"""Characters of an error's message that the state keeps; the log has it whole."""


NOT_THE_MODEL = frozenset({"interrupted", "shutdown", "paused", "cancelled"})
"""Values of `ModelFailed.error` for an attempt that was stopped from outside; they are no failures of the model."""


def end_unknown(failed: ModelFailed) -> bool:
    """Whether the provider may have answered, and charged for it, although no answer came: it was begun and cut off."""
    begun = bool(failed.partial_text or failed.partial_reasoning)
    return begun or failed.error in NOT_THE_MODEL or failed.error == "model-timeout"


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A tool call without a result. `epoch` is the owner's that started it; 0 before it was started.

    `asked_seq` and `asked_at` are those of the record that asks a person: for approval, or (`asks`) what is to be done
    about a call that may have run. `attempt` counts how often it was started. `place` is where a person was told that
    it would run.
    """

    call: Text
    tool: Text
    status: CallStatus = "requested"
    epoch: int = 0
    attempt: int = 0
    effect: EffectClass = "unsafe"
    spool: str = ""
    arguments_sha256: str = ""
    asks: bool = False
    asked_seq: int = 0
    asked_at: str = ""
    expires_at: str = ""
    place: Text = ""

    @property
    def waits(self) -> bool:
        """Whether a person has to decide."""
        return self.status == "waiting" or (self.status == "lost" and self.asks)


@dataclass(frozen=True, slots=True)
class ModelAttempt:
    """The turn's newest question to the model, and how it stands.

    `failed_at` is the `ts` of its failure. `reserved_tokens` and `reserved_usd` are what it may use at most.
    """

    step: int
    attempt: int
    epoch: int
    input_seq: int
    status: Literal["open", "replied", "failed"] = "open"
    error: str = ""
    message: Text = ""
    retry: bool = False
    retry_after_seconds: float | None = None
    failed_at: str = ""
    reserved_tokens: int = 0
    reserved_usd: float | None = None

    @property
    def possible(self) -> dict[str, float | None]:
        """What it may have used when its end is unknown, as fields of `ModelFailed`."""
        return {"possible_tokens": self.reserved_tokens, "possible_usd": self.reserved_usd}


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """The turn that is under way.

    `failures`: attempts of this step that failed by the model's fault. `recoveries`: how often in a row an owner found
    work of the turn orphaned that had not come further: no new words of an answer, no reply, no finished call.
    `restarts`: how often since the newest reply or finished call an owner took the turn over while it was not waiting
    for a person. `unknown_tokens` and `unknown_usd` are what attempts of unknown end may have used. `final`: the newest
    reply asked for no tool; `refused`: it has no text either, because the model declined to answer. `reply_seq`: the
    record with the open calls' arguments. `idle_seconds`: how long nobody worked on it, because a person had to decide
    or no server ran. `repeats`: how often the same call had the same result, by `ToolFinished.signature`.
    """

    id: str
    trigger: int
    asking: ModelAttempt | None = None
    calls: tuple[OpenCall, ...] = ()
    final: bool = False
    cancelled: bool = False
    failures: int = 0
    recoveries: int = 0
    restarts: int = 0
    reply_seq: int = 0
    started_at: str = ""
    idle_seconds: float = 0.0
    tokens: int = 0
    cost_usd: float = 0.0
    unknown_tokens: int = 0
    unknown_usd: float = 0.0
    repeats: tuple[tuple[str, int], ...] = ()
    refused: bool = False

    @property
    def waits(self) -> bool:
        """Whether it stands still until a person decides about its next call."""
        return bool(self.calls) and self.calls[0].waits and not self.cancelled


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about a call, at record `seq`; kept so that whoever decides later can be told."""

    call: Text
    decision: str
    by: Text
    seq: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request that was admitted under an Idempotency-Key."""

    key: Text
    fingerprint: str
    seq: int
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Over the whole session. `cost_usd` sums what is known; `unpriced` counts replies without a price.

    `unknown_attempts` counts attempts without a reply that the provider may have charged for; `unknown_tokens` and
    `unknown_usd` are what they may have used at most. They are not part of the other sums.
    """

    messages: int = 0
    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    unknown_attempts: int = 0
    unknown_tokens: int = 0
    unknown_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionState:
    """The fold of a session's log up to record `seq`.

    `repaired`: the record from which on it is not what clients may have seen before a repair; 0 for never.
    `gateway` and `chat_id`: the chat that it belongs to.
    """

    session_id: str
    seq: int = 0
    agent: str = ""
    agent_fingerprint: str = ""
    title: Text | None = None
    topic: Text = ""
    created_at: str = ""
    updated_at: str = ""
    on_disconnect: OnDisconnect = "continue"
    source: Source = "http"
    door: Door = ""
    parent: str | None = None
    fingerprint: str = ""
    epoch: int = 0
    node: str = ""
    closed: bool = False
    paused: bool = False
    pause_reason: Text = ""
    paused_at: str = ""
    turn: OpenTurn | None = None
    waiting: tuple[int, ...] = ()
    waiting_from_machines: tuple[int, ...] = ()
    totals: Totals = Totals()
    remembered: tuple[Remembered, ...] = ()
    decided: tuple[Decided, ...] = ()
    repaired: int = 0
    gateway: Text | None = None
    chat_id: Text | None = None

    @property
    def waiting_from_people(self) -> tuple[int, ...]:
        """The messages without an answer that a person wrote."""
        return tuple(seq for seq in self.waiting if seq not in self.waiting_from_machines)

    @property
    def asks(self) -> OpenCall | None:
        """The call that a person has to decide about, if there is one."""
        if self.turn is None or self.closed or not self.turn.waits:
            return None
        return self.turn.calls[0]

    @property
    def status(self) -> Literal["active", "running", "paused", "completed"]:
        """As duragent v0.5 names it: idle is `active`, in a turn is `running`, waiting for a person is `paused`."""
        if self.closed:
            return "completed"
        if self.paused or self.asks:
            return "paused"
        return "running" if self.turn or self.waiting else "active"

    @property
    def has_work(self) -> bool:
        """Whether the session goes on by itself when it is opened."""
        if self.turn is not None:
            return self.asks is None
        return bool(self.waiting) and not self.paused and not self.closed

"""The state of a session: what its records add up to (`apply.reduce` is the one way to it).

It holds small control facts only, never what was said, so that a fold is cheap, a snapshot is small and a session opens
fast. All of it is frozen.
"""

from dataclasses import dataclass
from typing import Literal

from duragent.journal.call_states import CallStatus
from duragent.journal.events import EffectClass, ModelChosen, ModelFailed, ModelReplied, OnDisconnect
from duragent.journal.source import Door, Source
from duragent.journal.viewport import NOTHING_SHOWN, Viewport
from duragent.text import Text

REMEMBERED_KEYS = 128
"""How many Idempotency-Keys of the newest requests a session remembers."""

REMEMBERED_DECISIONS = 32
"""How many of the newest decisions a session remembers."""

REMEMBERED_REPEATS = 64
"""How many different calls of a turn are watched for repetition."""

REASON_MAX = 500
"""Characters of an error's message that the state keeps; the log has it whole."""


NOT_THE_MODEL = frozenset({"interrupted", "shutdown", "paused", "cancelled"})
"""Values of `ModelFailed.error` of an attempt that was stopped from outside. These are no failures of the model."""


def end_unknown(failed: ModelFailed) -> bool:
    """Whether the provider may have charged for an attempt without a reply: its answer began, or was cut off."""
    begun = bool(failed.partial_text or failed.partial_reasoning)
    return begun or failed.error in NOT_THE_MODEL or failed.error == "model-timeout"


def is_final(replied: ModelReplied) -> bool:
    """Whether the turn ends with this reply, once its calls have their results."""
    return not replied.calls or (bool(replied.text.strip()) and all(call.quiet for call in replied.calls))


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A tool call without a result."""

    call: Text
    """Its id, unique in the session."""
    tool: Text
    """The name of the tool, as the model wrote it."""
    status: CallStatus = "requested"
    """See `call_states`."""
    epoch: int = 0
    """The owner that started it; 0 before it was started. See `OwnerClaimed`."""
    attempt: int = 0
    """How often it was started."""
    effect: EffectClass = "unsafe"
    """As `tool_started` says it: what to do when the call has no result after a crash."""
    spool: str = ""
    """The folder of the spool in which its command leaves a result; "" for a tool that runs in the server."""
    arguments_sha256: str = ""
    """Binds a decision to the tool and its arguments; "" before a person was asked for approval."""
    asks: bool = False
    """Of a lost call: whether a person is asked what is to be done."""
    asked_seq: int = 0
    """The record that asks a person: for approval, or about a lost call; 0 before."""
    asked_at: str = ""
    """The `ts` of that record; "" before."""
    expires_at: str = ""
    """After this moment the question counts as denied; "" for never."""
    place: Text = ""
    """Where the person was told that it would run, at most `REASON_MAX` characters; "" in old logs."""
    quiet: bool = False
    """The model does not wait for its result; see `Call`."""

    @property
    def waits(self) -> bool:
        """Whether a person has to decide."""
        return self.status == "waiting" or (self.status == "lost" and self.asks)


@dataclass(frozen=True, slots=True)
class ModelAttempt:
    """The turn's newest question to the model, and how it stands."""

    step: int
    """Counts the questions of the turn, from 1."""
    attempt: int
    """Counts the attempts at this question, from 1."""
    epoch: int
    """The owner that asked; see `OwnerClaimed`."""
    input_seq: int
    """The model sees records up to this seq."""
    status: Literal["open", "replied", "failed"] = "open"
    """`open`: it has neither a reply nor a failure yet."""
    error: str = ""
    """The code of its failure, as in `model_failed`; "" when it has not failed."""
    message: Text = ""
    """That failure as a sentence, at most `REASON_MAX` characters."""
    retry: bool = False
    """Whether the turn asks again."""
    retry_after_seconds: float | None = None
    """The pause that the provider wants; None when it named none."""
    failed_at: str = ""
    """The `ts` of its failure; "" when it has not failed."""
    reserved_tokens: int = 0
    """What it may use at most: the request and the room for the answer; 0 in old logs."""
    reserved_usd: float | None = None
    """The price of `reserved_tokens`; None when it is not known."""

    @property
    def possible(self) -> dict[str, float | None]:
        """What it may have used when its end is unknown, as fields of `ModelFailed`."""
        return {"possible_tokens": self.reserved_tokens, "possible_usd": self.reserved_usd}


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """The turn that is under way."""

    id: str
    """Its id, unique in the session."""
    trigger: int
    """The seq of the message that it began for."""
    asking: ModelAttempt | None = None
    """The newest question to the model; None before the first."""
    calls: tuple[OpenCall, ...] = ()
    """The calls of the newest reply that have no result yet, in the order in which they run."""
    final: bool = False
    """Whether the newest reply asked for no tool: the turn ends."""
    cancelled: bool = False
    """Whether a person stopped it: it settles what is open, and ends."""
    failures: int = 0
    """Attempts of this step that failed by the model's fault."""
    recoveries: int = 0
    """How many owners in a row found work of the turn orphaned, without any progress in between: no new words of an
    answer, no reply, no finished call."""
    restarts: int = 0
    """How many owners took the turn over since the newest reply or finished call, unless it waited for a person."""
    reply_seq: int = 0
    """The record with the arguments of the open calls; 0 before the first reply."""
    started_at: str = ""
    """The `ts` of its first record; "" in snapshots of old versions."""
    idle_seconds: float = 0.0
    """How long it stood still: a person had to decide, the session was paused, or no server ran."""
    tokens: int = 0
    """What its replies used, input and output together."""
    cost_usd: float = 0.0
    """The price of that, as far as it is known."""
    unknown_tokens: int = 0
    """What attempts of unknown end may have used at most; not part of `tokens`."""
    unknown_usd: float = 0.0
    """The price of that; not part of `cost_usd`."""
    repeats: tuple[tuple[str, int], ...] = ()
    """How often the same call had the same result, by `ToolFinished.signature`; the newest `REMEMBERED_REPEATS`."""
    refused: bool = False
    """Of a final reply: whether the model declined to answer and said nothing."""

    @property
    def waits(self) -> bool:
        """Whether it stands still until a person decides about its next call."""
        return bool(self.calls) and self.calls[0].waits and not self.cancelled


@dataclass(frozen=True, slots=True)
class OpenUndo:
    """An undo that was asked for and is not over."""

    turn: str
    """The turn that is undone."""
    seq: int
    """The record that says what is to be done."""


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """A person's command without an end."""

    command_id: str
    """Its id, unique in the session."""
    seq: int
    """The record that has the command."""
    spool: str = ""
    """The folder of the spool in which it leaves its result."""
    cancelled: bool = False
    """Whether a person stopped it."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about a call; kept so that a later decision can be told the first."""

    call: Text
    """The call's id."""
    decision: str
    """As in `approval_decided` or `tool_resolved`."""
    by: Text
    """Who decided, at most `REASON_MAX` characters; "" when the client did not say."""
    seq: int
    """The record of the decision."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request that was admitted under an Idempotency-Key."""

    key: Text
    """The Idempotency-Key."""
    fingerprint: str
    """Of what was sent under the key; "" in old logs."""
    seq: int
    """The record that it became."""
    message_id: str = ""
    """Of a message; "" of other requests."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the whole session."""

    messages: int = 0
    """Messages that were received."""
    turns: int = 0
    """Turns that ended."""
    input_tokens: int = 0
    """Includes `cached_input_tokens`."""
    output_tokens: int = 0
    """Includes `reasoning_tokens`."""
    cached_input_tokens: int = 0
    """Read from the provider's cache."""
    reasoning_tokens: int = 0
    """Spent on thinking."""
    cost_usd: float = 0.0
    """The price of the replies that have one."""
    unpriced: int = 0
    """Replies without a price."""
    unknown_attempts: int = 0
    """Attempts without a reply that the provider may have charged for. They are not part of the other sums."""
    unknown_tokens: int = 0
    """What these attempts may have used at most."""
    unknown_usd: float = 0.0
    """The price of that, as far as it is known."""


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """The model that answers in one session, in place of the agent's."""

    provider: Text
    """As litellm names it."""
    name: Text
    """The provider's name of the model."""
    base_url: Text = ""
    """As in `model_chosen`."""

    @property
    def label(self) -> str:
        """For people: `provider/name`."""
        return f"{self.provider}/{self.name}"


def chosen_model(event: ModelChosen) -> ChosenModel | None:
    """What was chosen; None: the agent's own."""
    return ChosenModel(event.provider, event.model, event.base_url) if event.provider and event.model else None


@dataclass(frozen=True, slots=True)
class SessionState:
    """The fold of a session's log up to record `seq`."""

    session_id: str
    """The name of the log's folder."""
    seq: int = 0
    """The newest record; 0 before the first."""
    agent: str = ""
    """The name of the agent's folder; "" in logs of v0.5 that do not say it."""
    agent_fingerprint: str = ""
    """Of the agent's files when the session was created; "" in old logs."""
    title: Text | None = None
    """The name that a person gave it; None without one."""
    topic: Text = ""
    """The beginning of the first message, at most `topic.TOPIC_MAX` characters; "" before there is one."""
    created_at: str = ""
    """The `ts` of the first record; "" before it."""
    updated_at: str = ""
    """The `ts` of the newest record; "" before the first."""
    on_disconnect: OnDisconnect = "continue"
    """What a turn does when the last watcher leaves."""
    source: Source = "http"
    """Where the request for the session came from."""
    door: Door = ""
    """Which program made it; "" when that is not known."""
    parent: str | None = None
    """`ID@SEQ` that it was forked from; None for a session of its own."""
    fingerprint: str = ""
    """Of what was asked for when it was created under a key; "" without one."""
    epoch: int = 0
    """Its owner now: counts the servers that took it over; 0 before the first."""
    node: str = ""
    """The id of that server's process."""
    closed: bool = False
    """It takes no more input."""
    paused: bool = False
    """No turn begins until it is resumed."""
    pause_reason: Text = ""
    """Why, as a sentence for people; "" when it is not paused, or none was given."""
    paused_at: str = ""
    """The `ts` of the pause; "" when it is not paused."""
    turn: OpenTurn | None = None
    """The turn under way; None between turns."""
    waiting: tuple[int, ...] = ()
    """The messages that wait for an answer, by seq, oldest first."""
    waiting_from_machines: tuple[int, ...] = ()
    """Those of `waiting` that no person wrote: they skip no call, and resume nothing."""
    undoing: OpenUndo | None = None
    """The undo under way; no turn begins meanwhile."""
    commanding: OpenCommand | None = None
    """The person's command under way; it runs beside a turn."""
    totals: Totals = Totals()
    """What was said and used so far."""
    remembered: tuple[Remembered, ...] = ()
    """The newest `REMEMBERED_KEYS` requests that had an Idempotency-Key."""
    allowed: tuple[Text, ...] = ()
    """Patterns of calls that a person allowed until the session ends."""
    decided: tuple[Decided, ...] = ()
    """The newest `REMEMBERED_DECISIONS` decisions."""
    repaired: int = 0
    """The newest record that says that the log is not what clients saw before: a repair, a redaction; 0 for none."""
    model_choice: ChosenModel | None = None
    """The model that answers in this session; None for the agent's own."""
    has_system: bool = False
    """Whether its first record says what stands in place of the agent's SYSTEM_PROMPT.md."""
    gateway: Text | None = None
    """The gateway of the chat that it belongs to; None without one."""
    chat_id: Text | None = None
    """That chat's id at its gateway."""
    viewport: Viewport = NOTHING_SHOWN
    """What the model was shown last."""

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
        if self.undoing is not None or self.commanding is not None:
            return True
        if self.turn is not None:
            return self.asks is None
        return bool(self.waiting) and not self.paused and not self.closed

"""What can happen in a session: one class for each kind of event, in the past tense, and one union of them all.

A class name in snake case is its `type` on disk (`ToolFinished` is `tool_finished`). To add an event: a class here, its
name in the union at the end of this file, its `case` in `state.apply` (the type checker asks for it), and a line in
`tests/golden/`. Fields may be added with a default, never renamed, never reused with another meaning.
"""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from duragent.journal.legacy_events import HistoryAdopted, ToolsSkipped
from duragent.text import Brief, Text


class _Shape(BaseModel):
    # Unknown fields of a later version are left out here; the stored line keeps them.
    model_config = ConfigDict(frozen=True, extra="ignore")


# --- parts of events ------------------------------------------------------------------------------------------------


class Sender(_Shape):
    """Who wrote a message, where a session has several people."""

    id: Text | None = None
    name: Text | None = None


class Call(_Shape):
    """One tool call. `call` is unique in the session; `arguments` is the JSON text as the model wrote it."""

    call: Text
    tool: Text
    arguments: Text


class Tokens(_Shape):
    """Token counts as the provider reported them; `input` includes `cached_input`."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    reasoning: int = 0


class Finding(_Shape):
    """A part of a call that no rule allows, and why."""

    text: Text
    reason: Text = ""


Source = Literal["http", "cli", "gateway", "schedule", "process", "agent", "legacy"]
OnDisconnect = Literal["pause", "continue"]
TurnOutcome = Literal["completed", "cancelled", "failed", "paused"]
CallOutcome = Literal["ok", "error", "timeout", "cancelled", "denied", "skipped", "interrupted"]
EffectClass = Literal["pure", "idempotent", "unsafe", "never"]


# --- the session ----------------------------------------------------------------------------------------------------


class SessionCreated(_Shape):
    """The first record of every log. Durable before 201.

    `gateway` and `chat_id` name the chat that the session belongs to, if it came from one.
    """

    type: Literal["session_created"] = "session_created"
    agent: str
    agent_fingerprint: str = ""
    on_disconnect: OnDisconnect = "continue"
    title: Text | None = None
    source: Source = "http"
    parent: str | None = None
    idempotency_key: Text | None = None
    fingerprint: str | None = None
    gateway: Text | None = None
    chat_id: Text | None = None


class OwnerClaimed(_Shape):
    """A process took the session over. Work that was started under a lower epoch is orphaned."""

    type: Literal["owner_claimed"] = "owner_claimed"
    epoch: int
    node: str


class SessionPaused(_Shape):
    type: Literal["session_paused"] = "session_paused"
    reason: Brief = ""


class SessionResumed(_Shape):
    type: Literal["session_resumed"] = "session_resumed"
    reason: Brief = ""


class SessionRenamed(_Shape):
    type: Literal["session_renamed"] = "session_renamed"
    title: Text | None = None


class SessionClosed(_Shape):
    type: Literal["session_closed"] = "session_closed"
    reason: Brief = ""


class LogRecovered(_Shape):
    """The end of the log was cut off; its bytes are kept in `saved_as`, beside the log.

    `events.torn-…`: an append that never ended, and was never acknowledged. `events.damaged-…`, or "" where there were
    no bytes: a person had the log repaired, and records that clients may have seen are not part of it any more.
    """

    type: Literal["log_recovered"] = "log_recovered"
    offset: int
    size_bytes: int
    saved_as: str


# --- the turn -------------------------------------------------------------------------------------------------------


class MessageReceived(_Shape):
    """Durable before 200 or 202."""

    type: Literal["message_received"] = "message_received"
    message_id: str
    text: Text
    sender: Sender | None = None
    source: Source = "http"
    idempotency_key: Text | None = None
    fingerprint: str | None = None


class TurnStarted(_Shape):
    """Durable before the first model call. `trigger` is the seq of the oldest message that waits for an answer."""

    type: Literal["turn_started"] = "turn_started"
    turn: str
    trigger: int
    agent_fingerprint: str = ""


class ModelCalled(_Shape):
    """Durable before the request leaves. The model sees records up to `input_seq`.

    `estimated_tokens` is our count of the request, which the provider's own then calibrates. `reserved_tokens` are
    these and the room for the answer, `reserved_usd` is their price, None when it is not known.
    """

    type: Literal["model_called"] = "model_called"
    turn: str
    step: int
    attempt: int
    epoch: int
    model: Text
    input_seq: int
    request_sha256: str = ""
    estimated_tokens: int = 0
    reserved_tokens: int | None = None
    reserved_usd: float | None = None


REFUSED = "content_filter"
"""`ModelReplied.finish_reason` of an answer that the model or its provider declined to give, or to go on with."""


class ModelReplied(_Shape):
    """The answer with all its tool calls, in one line. Durable before any tool or client sees it as final.

    `finish_reason` is stop, length, tool_calls or content_filter; of the last `text` is what was said, perhaps nothing.
    """

    type: Literal["model_replied"] = "model_replied"
    message_id: str
    turn: str = ""
    step: int = 1
    attempt: int = 1
    model: Text = ""
    text: Text = ""
    reasoning: Text = ""
    calls: tuple[Call, ...] = ()
    finish_reason: Text = "stop"
    usage: Tokens = Tokens()
    cost_usd: float | None = None


class ModelFailed(_Shape):
    """An attempt gave no answer. `error` is the code of a ModelError, or interrupted, cancelled, paused, shutdown.

    `partial_text` is what watchers had seen of it. `retry` says whether the turn asks again. `possible_tokens` and
    `possible_usd` are what it may have used at most, where nobody can know (see `end_unknown`).
    """

    type: Literal["model_failed"] = "model_failed"
    turn: str
    step: int
    attempt: int
    error: str
    message: Brief = ""
    retry: bool = False
    retry_after_seconds: float | None = None
    message_id: str | None = None
    partial_text: Text = ""
    partial_reasoning: Text = ""
    possible_tokens: int | None = None
    possible_usd: float | None = None


class CancelRequested(_Shape):
    """Somebody stopped the turn. Durable before 200; the turn settles what is open and ends."""

    type: Literal["cancel_requested"] = "cancel_requested"
    turn: str
    by: Brief = ""
    idempotency_key: Text | None = None
    fingerprint: str | None = None


class TurnEnded(_Shape):
    """`code` names the error of a failed or paused turn; `reason` is a sentence for people."""

    type: Literal["turn_ended"] = "turn_ended"
    turn: str
    outcome: TurnOutcome
    code: str = ""
    reason: Brief = ""


# --- tool calls -----------------------------------------------------------------------------------------------------


def command_of(invocation: str, tool: str) -> str:
    """What would run, as a person is shown it: the same at every door, because clients send it back."""
    return invocation or tool


class ApprovalRequested(_Shape):
    """Durable before anybody is asked. `arguments_sha256` binds the question to tool and arguments.

    `invocation` is the whole call in one line, `findings` what of it no rule allows, `patterns` what "allow always"
    would add to the policy, `place` where it would run. `expires_at`: after that it counts as denied.
    """

    type: Literal["approval_requested"] = "approval_requested"
    turn: str
    call: Text
    tool: Text
    arguments_sha256: str
    rule: Text = ""
    invocation: Text = ""
    findings: tuple[Finding, ...] = ()
    patterns: tuple[Text, ...] = ()
    place: Text = ""
    expires_at: str | None = None


class ApprovalDecided(_Shape):
    """Durable before the call runs. `patterns` are in `policy.local.yaml` by then."""

    type: Literal["approval_decided"] = "approval_decided"
    turn: str = ""
    call: Text
    decision: Literal["allow_once", "allow_always", "deny"]
    arguments_sha256: str
    by: Brief = ""
    reason: Brief = ""
    patterns: tuple[Text, ...] = ()
    idempotency_key: Text | None = None
    fingerprint: str | None = None


class ToolStarted(_Shape):
    """Durable before the effect. `rule` allowed it; `spool` names where a command leaves its result."""

    type: Literal["tool_started"] = "tool_started"
    turn: str
    call: Text
    tool: Text
    attempt: int = 1
    epoch: int
    effect: EffectClass = "unsafe"
    idempotency_key: Text = ""
    deadline: str | None = None
    invocation: Text = ""
    rule: Text = ""
    place: Text = ""
    spool: str = ""


class ToolFinished(_Shape):
    """The one result of a call. Durable before the model sees it.

    `note` is what duragent adds for the model. `output_sha256` names the blob with the whole output, of `output_bytes`,
    when `content` is a part of it. `details` are for people and programs. `signature` is the same for the same call
    with the same result.
    """

    type: Literal["tool_finished"] = "tool_finished"
    turn: str = ""
    call: Text
    tool: Text = ""
    outcome: CallOutcome
    content: Text = ""
    note: Text = ""
    details: dict[str, Any] = {}
    output_sha256: str = ""
    output_bytes: int = 0
    signature: str = ""


class ToolLost(_Shape):
    """The call may have run: it was started, and there is no result. `asks`: a person decides what to do."""

    type: Literal["tool_lost"] = "tool_lost"
    turn: str
    call: Text
    evidence: Brief = ""
    invocation: Text = ""
    asks: bool = False


class ToolResolved(_Shape):
    """What was decided about a lost call."""

    type: Literal["tool_resolved"] = "tool_resolved"
    turn: str = ""
    call: Text
    resolution: Literal["retry", "done", "failed"]
    by: Brief = ""
    reason: Brief = ""
    idempotency_key: Text | None = None
    fingerprint: str | None = None


# --- from elsewhere -------------------------------------------------------------------------------------------------


class Opaque(_Shape):
    """An event of a type that this version does not know: kept, shown, and without effect on the state."""

    type: str
    payload: dict[str, Any] = {}


KnownEvent = Annotated[
    SessionCreated
    | OwnerClaimed
    | SessionPaused
    | SessionResumed
    | SessionRenamed
    | SessionClosed
    | LogRecovered
    | MessageReceived
    | TurnStarted
    | ModelCalled
    | ModelReplied
    | ModelFailed
    | CancelRequested
    | TurnEnded
    | ApprovalRequested
    | ApprovalDecided
    | ToolStarted
    | ToolFinished
    | ToolLost
    | ToolResolved
    | ToolsSkipped
    | HistoryAdopted,
    Field(discriminator="type"),
]
Event = KnownEvent | Opaque


def _type_name(event: type[BaseModel]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


EVENT_TYPES: dict[str, type[BaseModel]] = {_type_name(event): event for event in get_args(get_args(KnownEvent)[0])}
"""The classes by their name on disk."""

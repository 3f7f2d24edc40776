"""Events of tool calls, in the order in which they come; `journal.call_states` says which may follow which."""

from typing import Any, Literal

from duragent.journal.events.base import AllowanceOffer, CallOutcome, EffectClass, EventModel, PolicyFinding
from duragent.journal.events.files import Attachment, FileBefore, FileChange
from duragent.text import Brief, Text


class ApprovalRequested(EventModel):
    """A person is to decide about a call. Durable before anybody is asked."""

    type: Literal["approval_requested"] = "approval_requested"
    turn: str
    """The turn that it belongs to."""
    call: Text
    """The call's id, unique in the session."""
    tool: Text
    """The name of the tool."""
    arguments_sha256: str
    """Binds the question to the tool and its arguments; a decision about others is refused."""
    rule: Text = ""
    """The rule of the policy that asks; "" when no rule fits."""
    invocation: Text = ""
    """The whole call in one line, as people are shown it."""
    findings: tuple[PolicyFinding, ...] = ()
    """What of the call no rule allows."""
    patterns: tuple[Text, ...] = ()
    """What "allow always" would add to the policy; () when it cannot be allowed for ever."""
    offers: tuple[AllowanceOffer, ...] = ()
    """What else may be allowed together with it, from narrow to wide."""
    preview: Text = ""
    """What it would change in a file, as a unified diff; "" where it changes none, or its tool cannot say."""
    place: Text = ""
    """Where the call would run: the sandbox, in words."""
    expires_at: str | None = None
    """After that the call counts as denied; None: never."""


class ApprovalDecided(EventModel):
    """A person decided about a call. Durable before the call runs."""

    type: Literal["approval_decided"] = "approval_decided"
    turn: str = ""
    """"" in logs of duragent-rust."""
    call: Text
    """The call's id, unique in the session."""
    decision: Literal["allow_once", "allow_session", "allow_always", "deny"]
    """Allowed this once, until the session ends, from now on, or denied."""
    arguments_sha256: str
    """As in the question."""
    by: Brief = ""
    """Who decided; "" when the client did not say."""
    reason: Brief = ""
    """What the person added, for the model."""
    patterns: tuple[Text, ...] = ()
    """What is allowed from now on: with `allow_always` it is in `policy.local.yaml` by then, with `allow_session` this
    record is the only place."""
    idempotency_key: Text | None = None
    """The key of the request; a second request with it gets this record's seq."""
    fingerprint: str | None = None
    """Of what was sent under the key."""


class AllowanceRevoked(EventModel):
    """What was allowed until the session ends is asked about again. Durable before the next call is judged."""

    type: Literal["allowance_revoked"] = "allowance_revoked"
    patterns: tuple[Text, ...]
    """Those that are taken back, as they were allowed."""
    by: Brief = ""
    """Who takes them back; "" when the client did not say."""


class ToolStarted(EventModel):
    """The call runs. Durable before the effect."""

    type: Literal["tool_started"] = "tool_started"
    turn: str
    """The turn that it belongs to."""
    call: Text
    """The call's id, unique in the session."""
    tool: Text
    """The name of the tool."""
    attempt: int = 1
    """Counts the runs of this call, from 1."""
    epoch: int
    """The owner that runs it; see `OwnerClaimed`."""
    effect: EffectClass = "unsafe"
    """What the next start does when it finds no result."""
    idempotency_key: Text = ""
    """The same for each attempt, so that a service that knows such keys does the work once."""
    deadline: str | None = None
    """When the call times out; None: never."""
    invocation: Text = ""
    """The whole call in one line, as people are shown it."""
    rule: Text = ""
    """The rule that allowed it; "" when a person did."""
    place: Text = ""
    """Where it runs: the sandbox, in words."""
    spool: str = ""
    """The folder where a command leaves its result; "" for tools that run in the server."""
    before: tuple[FileBefore, ...] = ()
    """The files that the call is to change, as it finds them. Their blobs are durable before this record."""


class ToolFinished(EventModel):
    """The one result of a call. Durable before the model sees it."""

    type: Literal["tool_finished"] = "tool_finished"
    turn: str = ""
    """"" in logs of duragent-rust."""
    call: Text
    """The call's id, unique in the session."""
    tool: Text = ""
    """The name of the tool; "" in logs of duragent-rust."""
    outcome: CallOutcome
    """How it ended: `denied` and `skipped` were never run, `interrupted` may have run in part."""
    content: Text = ""
    """What the model is shown of the output."""
    note: Text = ""
    """What duragent adds for the model."""
    details: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    """For people and programs; the model does not see them."""
    output_sha256: str = ""
    """The blob with the whole output when `content` is only a part of it; else ""."""
    output_bytes: int = 0
    """The size of that blob."""
    notice: Text = ""
    """The whole call in one line, when the policy wants its end told; else "". See `subscribers/notify`."""
    signature: str = ""
    """The same for the same call with the same result: tells a loop. "" when there is nothing to compare."""
    changed: tuple[FileChange, ...] = ()
    """The files that the call has changed, of those that it said it would; what commands change is not known."""
    attachments: tuple[Attachment, ...] = ()
    """The files that the result has besides its text, such as images. Their blobs are durable before this record."""
    outside: bool | None = None
    """True when the result may have texts that neither the owner nor the agent wrote; see `Tool.outside`."""


class ToolLost(EventModel):
    """The call may have run: it was started, and there is no result."""

    type: Literal["tool_lost"] = "tool_lost"
    turn: str
    """The turn that it belongs to."""
    call: Text
    """The call's id, unique in the session."""
    evidence: Brief = ""
    """What was found, as a sentence for people."""
    invocation: Text = ""
    """The whole call in one line, as people are shown it."""
    asks: bool = False
    """Whether a person decides what to do; otherwise it has been decided, see `ToolResolved`."""


class ToolResolved(EventModel):
    """What was decided about a lost call."""

    type: Literal["tool_resolved"] = "tool_resolved"
    turn: str = ""
    """The turn that it belongs to; "" where the evidence decided, and in old logs."""
    call: Text
    """The call's id, unique in the session."""
    resolution: Literal["retry", "done", "failed"]
    """Run it again, it was done, or give it up."""
    by: Brief = ""
    """Who decided; "" when the client did not say."""
    reason: Brief = ""
    """What the person added, for the model."""
    idempotency_key: Text | None = None
    """The key of the request; a second request with it gets this record's seq."""
    fingerprint: str | None = None
    """Of what was sent under the key."""


def command_of(invocation: str, tool: str) -> str:
    """What would run, as a person is shown it: the same at every door, because clients send it back."""
    return invocation or tool

"""Answers about agents, sessions, messages and approvals."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from duragent.text import Text

if TYPE_CHECKING:
    from duragent.journal.events import AllowanceOffer, TokenCounts
    from duragent.journal.question import Question

from duragent.wire.base import Status, WireModel


class Usage(WireModel):
    """Tokens; the first three as duragent v0.5 names them."""

    prompt_tokens: int = Field(0, description="Sent to the model.")
    completion_tokens: int = Field(0, description="Written by the model, its reasoning included.")
    total_tokens: int = Field(0, description="Both together.")
    cached_prompt_tokens: int = Field(0, description="Of those sent: how many the provider had in its cache.")
    reasoning_tokens: int = Field(0, description="Of those written: how many were reasoning.")
    cost_usd: float | None = Field(None, description="Null when the price is not known.")

    @classmethod
    def of(cls, tokens: "TokenCounts", cost_usd: float | None) -> "Usage":
        """The one mapping of what a log says of a reply to the API, whose words all other JSON has too."""
        return cls(
            prompt_tokens=tokens.input,
            completion_tokens=tokens.output,
            total_tokens=tokens.input + tokens.output,
            cached_prompt_tokens=tokens.cached_input,
            reasoning_tokens=tokens.reasoning,
            cost_usd=cost_usd,
        )


class AgentSummary(WireModel):
    name: str = Field(description="The agent's name.")
    description: str | None = Field(None, description="For people; null when the agent has none.")
    version: str | None = Field(None, description="The agent's own version; null when it has none.")
    provider: str | None = Field(None, description="The model's provider; null for a broken agent.")
    model: str | None = Field(None, description="The model's name, as the provider has it; null for a broken agent.")
    missing_key: str | None = Field(
        None, description="The variable of the model's key, when the server has none; null when it needs none."
    )
    problem: str | None = Field(None, description="Why the files as they are cannot be used; null for a good agent.")
    warning: str | None = Field(
        None, description="What a person must know before it works, such as that no sandbox holds; null for nothing."
    )
    folder: Text = Field("", description="Where it works, on the server's machine; empty when that is not known.")
    sandbox: str = Field(
        "", description="What confines its commands: `bubblewrap`, `docker`, or `trust` for nothing; empty: none works."
    )
    remembers: bool = Field(False, description="Whether it has a memory.")
    waiting_notes: int = Field(0, description="How many notes of its memory wait for a person.")
    memory_trouble: Text = Field(
        "", description="What is wrong with its memory since the server opened it, such as an embedder that fails."
    )


class AgentList(WireModel):
    agents: list[AgentSummary] = Field(description="The agents that can be used.")
    broken: list[AgentSummary] = Field([], description="Agents whose files have a fault, with the reason.")

    def named(self, name: str) -> AgentSummary | None:
        """The agent that can be used and has that name."""
        return next((agent for agent in self.agents if agent.name == name), None)


class AgentDetail(WireModel):
    """The agent's own spec in the Duragent Format, with the prompt texts in place of their paths."""

    api_version: str = Field(description="The version of the format, such as `duragent/v1alpha1`.")
    kind: str = Field(description="`Agent`.")
    metadata: dict[str, Any] = Field(description="Name, description, version and labels.")
    spec: dict[str, Any] = Field(description="Everything else, with its defaults.")
    fingerprint: str = Field(description="Changes when the agent does.")
    inactive: list[str] = Field([], description="Fields that are set and that this version does not act on yet.")


class ModelOffer(WireModel):
    """A model that the server can ask."""

    provider: str = Field(description="As litellm names it.")
    model: str = Field(description="The provider's name of the model.")
    base_url: str | None = Field(None, description="Where it answers; null for the provider's usual address.")
    why: str = Field(description="Half a sentence: why it can be asked.")
    is_example: bool = Field(False, description="One of many at its provider: any other name will do too.")


class ModelOffers(WireModel):
    """What the server can ask: by the keys that it has, at Ollama, and at servers on its machine that need no key."""

    models: list[ModelOffer] = Field(description="The likeliest first.")
    hints: list[str] = Field([], description="Sentences about what is nearly there, such as an Ollama without a model.")


class NamedModel(WireModel):
    """A model that the server can ask, by its full name."""

    provider: str = Field(description="As litellm names it.")
    model: str = Field(description="The provider's name of the model.")


class Warmed(WireModel):
    """What the model of an agent needs is loaded, as far as that can be done without asking it."""

    provider: str = Field(description="Whose model it is.")
    seconds: float = Field(description="How long it took; about 0 when it was there already.")


class SessionInfo(WireModel):
    session_id: str = Field(description="Names the session for ever.")
    agent: str = Field(description="Name of the agent that speaks.")
    status: Status = Field(description="What it does now.")
    created_at: str = Field(description="When it began.")
    updated_at: str = Field(description="When its newest record was written.")
    title: Text | None = Field(None, description="Given by people; null when there is none.")
    topic: Text = Field("", description="The beginning of the first message; what lists show where there is no title.")
    head: int = Field(0, description="seq of the newest record.")
    messages: int = Field(0, description="Messages that were received.")
    turns: int = Field(0, description="Turns that ended.")
    usage: Usage = Field(Usage(), description="What its turns have used so far.")
    unknown_attempts: int = Field(
        0, description="Attempts without an answer that the provider may have charged for; they are not in `usage`."
    )
    possible_tokens: int = Field(0, description="What these attempts may have used at most.")
    possible_cost_usd: float | None = Field(None, description="The price of that; null when there is none known.")
    on_disconnect: Literal["pause", "continue"] = Field(
        "continue", description="What a running turn does when its last watcher has gone."
    )
    damage: str | None = Field(
        None,
        description="Why the session is read-only: file, line and what is wrong; null for a session that is whole.",
    )
    problem: str | None = Field(None, description="The same as `damage`, for clients of version 0.1.0.")
    unread: bool = Field(
        False, description="In lists soon after the start: only the id and the times are known yet, the rest is empty."
    )
    model: str | None = Field(
        None, description="`provider/name` of the model that was chosen for this session; null for the agent's own."
    )
    parent: str | None = Field(None, description="Of a fork: the session and the record it was forked at, `id@seq`.")
    waits_for: str | None = Field(None, description="The call that a person has to decide about; see /approvals.")
    gateway: Text | None = Field(None, description="The chat service that it came through, such as `telegram`.")
    chat_id: Text | None = Field(None, description="The chat at that service.")
    allowed: list[Text] = Field([], description="What a person allowed until it ends, as patterns of a policy.")


UNREAD = (
    "Sessions that the server has not read since its start: such a session is in lists without an agent or a status to "
    "filter by, in the order of its files' times, and what it asks is not known. When it is above 0, ask again later."
)


class SessionList(WireModel):
    sessions: list[SessionInfo] = Field(description="The one used last first.")
    next_cursor: str | None = Field(None, description="Give it as `cursor` for the next page; null on the last.")
    unread: int = Field(0, description=UNREAD)


class AttachmentInfo(WireModel):
    """A file that belongs to a message, as a message refers to it."""

    name: Text = Field(description="The file's name, without folders.")
    media_type: str = Field(description="Judged by its bytes; `application/octet-stream` where nothing fits.")
    sha256: str = Field(description="Of its bytes; names it under `/attachments/`.")
    size_bytes: int = Field(description="How long it is.")


class MessageInfo(WireModel):
    role: Literal["user", "assistant"] = Field(description="Who said it.")
    content: Text = Field(description="What was said.")
    seq: int = Field(description="seq of the record that holds it.")
    created_at: str = Field(description="When it was said.")
    message_id: str = Field(description="Names the message.")
    interrupted: bool = Field(False, description="An answer that was stopped before its end.")
    sender_name: str | None = Field(
        None, description="Who said it, where several people speak; null when that is not known."
    )
    attachments: list[AttachmentInfo] = Field([], description="The files that belong to it.")


class MessageList(WireModel):
    """Oldest first; the newest `limit` of them unless `before` says otherwise."""

    messages: list[MessageInfo] = Field(description="The page.")
    next_before: int | None = Field(None, description="Give it as `before` for the page of older messages.")


class Answer(WireModel):
    """The answer to a posted message, durable by the time it is sent."""

    message_id: str = Field(description="Names the answer.")
    role: Literal["assistant"] = Field("assistant", description="Always the agent.")
    content: Text = Field(description="The answer's text.")
    seq: int = Field(description="seq of the record that holds the answer.")
    input_seq: int = Field(description="seq of the message that it answers.")
    usage: Usage | None = Field(None, description="What the model used for it; null when that is not known.")
    model: str | None = Field(None, description="The model that answered; null when none did.")
    interrupted: bool = Field(False, description="An answer that was stopped before its end.")
    finish_reason: Text | None = Field(
        None, description="stop, length, tool_calls, or content_filter: the model or its provider declined to go on."
    )


class Finding(WireModel):
    """A part of a call that no rule allows, and why."""

    text: Text = Field(description="The part, as it stands in the call.")
    reason: Text = Field("", description="Why no rule allows it.")


class Offer(WireModel):
    """Something wider than one call. To take it, decide `allow_session` or `allow_always` with its patterns."""

    scope: Literal["session", "policy"] = Field(
        description="`session`: until the session ends, by allow_session; `policy`: from now on, by allow_always."
    )
    words: Text = Field(description="What it allows, for people.")
    patterns: list[Text] = Field(description="The same as patterns of a policy.")

    @classmethod
    def of(cls, offer: "AllowanceOffer") -> "Offer":
        return cls(scope=offer.scope, words=offer.words, patterns=list(offer.patterns))


class Approval(WireModel):
    """What a person is asked. `kind` approval: may this run? lost: it may have run, what now?"""

    session_id: str = Field(description="The session that asks.")
    agent: str = Field(description="Name of its agent.")
    title: Text = Field(description="The session's title, else its topic.")
    kind: Literal["approval", "lost"] = Field(description="Which question it is.")
    call_id: str = Field(description="The call that is asked about.")
    tool: Text = Field(description="Name of the tool.")
    command: Text = Field(description="The whole call in one line.")
    arguments_sha256: str = Field(description="Of tool and arguments; a decision may repeat it. Empty for a lost call.")
    findings: list[Finding] = Field([], description="The parts that no rule allows; empty for a lost call.")
    patterns: list[Text] = Field([], description="What allow_always adds to policy.local.yaml; empty: not offered.")
    offers: list[Offer] = Field([], description="What else may be allowed together with it, from narrow to wide.")
    preview: Text = Field("", description="What it would change in a file, as a unified diff; empty: not known.")
    place: Text = Field("", description="Where it would run: sandbox, folder, network.")
    requested_at: str = Field(description="Since when it waits.")
    expires_at: str | None = Field(None, description="When it counts as denied; null for never.")
    evidence: Text = Field("", description="Of a lost call: what is known about it.")
    seq: int = Field(description="seq of the record that asks.")

    @classmethod
    def of(cls, question: "Question") -> "Approval":
        """The one mapping of a question to the API."""
        return cls(
            session_id=question.session_id,
            agent=question.agent,
            title=question.title,
            kind=question.kind,
            call_id=question.call,
            tool=question.tool,
            command=question.command,
            arguments_sha256=question.arguments_sha256,
            findings=[Finding(text=finding.text, reason=finding.reason) for finding in question.findings],
            patterns=list(question.patterns),
            offers=[Offer.of(offer) for offer in question.offers],
            preview=question.preview,
            place=question.place,
            requested_at=question.asked_at,
            expires_at=question.expires_at,
            evidence=question.evidence,
            seq=question.seq,
        )


class ApprovalList(WireModel):
    approvals: list[Approval] = Field(description="The oldest first.")
    unread: int = Field(0, description=UNREAD)


class Waiting(WireModel):
    """202: the turn waits for a person. `command` is what would run."""

    status: Literal["pending_approval"] = Field("pending_approval", description="Always this word.")
    session_id: str = Field(description="The session that waits.")
    call_id: str = Field(description="The call that a person has to decide about.")
    command: Text = Field(description="The whole call in one line.")
    seq: int = Field(description="seq of the record that asks.")


class Completed(WireModel):
    """The turn ended after the decision."""

    status: Literal["complete"] = Field("complete", description="Always this word.")
    message_id: str = Field(description="Names the answer.")
    content: Text = Field(description="The answer's text.")
    seq: int = Field(description="seq of the record that holds the answer.")
    usage: Usage | None = Field(None, description="What the model used for it; null when that is not known.")
    interrupted: bool = Field(False, description="An answer that was stopped before its end.")


class Accepted(WireModel):
    """202: the message is durable; the answer comes on `/events`."""

    session_id: str = Field(description="The session that has it.")
    message_id: str = Field(description="Names the message.")
    seq: int = Field(description="seq of its record.")


class RedactedSession(WireModel):
    """What was redacted, or would be."""

    session_id: str = Field(description="The session.")
    seqs: list[int] = Field(description="The records whose texts are not what they were.")
    head: int = Field(description="The newest record: with a redaction it is the one that says so.")
    left: list[str] = Field(description="Where it was not taken away, as sentences.")


class Revoked(WireModel):
    session_id: str = Field(description="The session that was meant.")
    seq: int | None = Field(None, description="seq of the record that takes them back; null when it allowed none.")
    allowed: list[Text] = Field(description="What is allowed there until the session ends, as patterns.")


class CancelResult(WireModel):
    session_id: str = Field(description="The session that was meant.")
    cancelled: bool = Field(description="False when no turn was running.")
    seq: int | None = Field(None, description="seq of the record that cancels; null when no turn was running.")


class EventList(WireModel):
    """Records as they are in the log, without `crc`."""

    events: list[dict[str, Any]] = Field(description="The records of the page, oldest first.")
    head: int = Field(description="seq of the newest record of the session.")
    oldest: int = Field(description="seq of its oldest record.")

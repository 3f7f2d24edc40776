"""Request bodies. An unknown field is a 422, so that a misspelt one is never lost in silence."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from duragent.file_types import MAX_ATTACHMENTS
from duragent.text import BRIEF_MAX, Text
from duragent.wire.base import Asked


def _one_line(value: object) -> object:
    if isinstance(value, str) and any(ord(char) < 0x20 for char in value):
        raise ValueError("must be one line without control characters")
    return value


Title = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), BeforeValidator(_one_line)]


CLIENT_SOURCES = ("http", "cli")
"""What a client may say of itself. That a machine sent a message is for the server to know."""


def _client_source(source: str) -> str:
    return source if source in CLIENT_SOURCES else "http"


ClientSource = Annotated[str, StringConstraints(max_length=64), AfterValidator(_client_source)]
DoorName = Annotated[str, StringConstraints(max_length=64), BeforeValidator(_one_line)]


ModelName = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True), BeforeValidator(_one_line)]


def _not_too_long(text: str) -> str:
    if len(text) > BRIEF_MAX:
        raise ValueError(f"must have at most {BRIEF_MAX:,} characters")
    return text


class CreateSession(Asked):
    """`POST /api/v1/sessions`."""

    agent: str = Field(description="Name of the agent that speaks.")
    title: Title | None = Field(None, description="For people; at most 200 characters on one line.")
    source: ClientSource = Field(
        "http",
        description="`cli` for duragent's own commands, else `http`; any other value counts as `http`.",
    )
    door: DoorName | None = Field(None, description="Which program it is, such as `page` or `acp`, for the log.")

    model: ModelName | None = Field(
        None,
        description="`provider/name` of the model that answers, or a name at the agent's provider; else the agent's.",
    )
    system: Annotated[Text, AfterValidator(_not_too_long)] | None = Field(
        None,
        description="Stands in place of the agent's SYSTEM_PROMPT.md for this session; at most 16,000 characters.",
    )


class PickModel(Asked):
    """`POST /api/v1/sessions/{id}/model`."""

    model: ModelName = Field(
        description='`provider/name`, or a name at the provider of the agent; "": the agent\'s own model again.'
    )
    base_url: str = Field(
        "",
        max_length=500,
        description="The address of a server on the server's own machine that speaks the protocol; it gets no key.",
    )
    by: str = Field("", max_length=200, description="Who chose, for the log.")


class SentAttachment(Asked):
    """A file of a message: what `POST /api/v1/sessions/{id}/attachments` answered."""

    name: Text = Field(max_length=1_000, description="The file's name; folders in it are left out.")
    media_type: str = Field("", max_length=200, description="Not used: the server judges by the bytes.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of its bytes, which the session must have already.")
    size_bytes: int | None = Field(None, description="Not used: the server counts the bytes.")


class SendMessage(Asked):
    """`POST /api/v1/sessions/{id}/messages` and `/stream`."""

    content: Text = Field(description="What the person says. May be empty.")
    attachments: list[SentAttachment] | None = Field(
        None, max_length=MAX_ATTACHMENTS, description=f"Files that belong to it, at most {MAX_ATTACHMENTS}."
    )
    sender_id: str | None = Field(None, max_length=200, description="Who says it, for sessions with several people.")
    sender_name: str | None = Field(None, max_length=200, description="The same person's name, for people.")
    source: ClientSource = Field(
        "http",
        description="`cli` for duragent's own commands, else `http`; any other value counts as `http`.",
    )
    door: DoorName | None = Field(None, description="Which program it is, such as `page` or `acp`, for the log.")


class ChangeSession(Asked):
    """`PATCH /api/v1/sessions/{id}`."""

    title: Title = Field(description='The new title; "" removes it.')


class ForkSession(Asked):
    """`POST /api/v1/sessions/{id}/fork`."""

    at: int | None = Field(None, ge=1, description="The last record of the past that is shared; else all of it.")
    title: Title | None = Field(None, description="Else the title of the session that is forked.")


class RedactSession(Asked):
    """`POST /api/v1/sessions/{id}/redact`: either `match` or `seqs`."""

    match: Text = Field(
        "",
        max_length=2_000,
        description="Words that go wherever they stand, in any case; at least 3 characters.",
    )
    seqs: list[int] = Field([], max_length=10_000, description="Records whose texts go as a whole.")
    dry_run: bool = Field(False, description="Only say what would be redacted.")
    by: str = Field("", max_length=200, description="Who asks for it, for the log.")
    reason: str = Field("", max_length=2_000, description="Why, for the log; the words that go are left out of it.")


class Revoke(Asked):
    """`POST /api/v1/sessions/{id}/revoke`."""

    patterns: list[str] = Field(
        min_length=1, max_length=200, description="Of the session's `allowed`: those to ask about again."
    )
    by: str = Field("", max_length=200, description="Who takes them back, for the log.")


DecisionName = Literal["allow_once", "allow_session", "allow_always", "deny", "retry", "done", "failed"]
"""To an approval: the first four. To a call that may have run: run it again, it was done, give it up."""


class Decide(Asked):
    """`POST /api/v1/sessions/{id}/approve`."""

    call_id: str = Field(max_length=200, description="The call that the decision is about.")
    decision: DecisionName = Field(
        description="What the person says; which words fit depends on the approval's `kind`."
    )
    command: Text | None = Field(None, description="What the person saw; if it is not what waits, nothing is decided.")
    arguments_sha256: str | None = Field(None, max_length=64, description="The same, exactly: tool and arguments.")
    patterns: list[str] = Field(
        [],
        max_length=50,
        description="With allow_session and allow_always: what to allow from now on, in place of what was offered.",
    )
    reason: str = Field("", max_length=2_000, description="With deny: what the model is told.")
    by: str = Field("", max_length=200, description="Who decided, for the log.")

"""What a server says of itself: how it is, which one it is, where it listens, and why it refuses."""

from typing import Literal

from pydantic import Field

from duragent.wire.base import WireModel


class Descriptors(WireModel):
    """File descriptors of the server: connections, open logs, running commands."""

    used: int = Field(description="How many are open.")
    limit: int = Field(description="How many may be open.")


class Ready(WireModel):
    status: Literal["ok", "degraded"] = Field(description="`degraded`: something needs a person; see the other fields.")
    workspace_hash: str = Field(description="Names the workspace without telling its path.")
    damaged: list[str] = Field([], description="Ids of sessions that are read-only because their log is damaged.")
    broken_agents: list[str] = Field(
        [], description="Names of agents whose files have a fault; empty without the token."
    )
    problem: str | None = Field(None, description="Why nothing can be stored at the moment, or what is used up.")
    descriptors: Descriptors | None = Field(None, description="File descriptors; null when the server cannot tell.")
    damaged_count: int = Field(0, description="How many sessions are damaged; `damaged` is empty without the token.")
    broken_agents_count: int = Field(0, description="How many agents are broken; their names need the token, too.")
    proof: str | None = Field(
        None,
        description="For a `challenge`: shows that the server has the key in its user's private folder.",
    )


class Version(WireModel):
    version: str = Field(description="Such as `0.2.0`.")
    commit: str = Field(description="What it was built from.")
    build_date: str = Field(description="When it was built.")
    variant: Literal["core", "full"] = Field("core", description="Which build it is, for clients of v0.5.")


class Fault(WireModel):
    field: str = Field(description="A dotted path; empty for the whole.")
    problem: str = Field(description="What is wrong with it.")


class Problem(WireModel):
    """RFC 9457, `application/problem+json`."""

    type: str = Field(description="`urn:duragent:problem:<code>`.")
    title: str = Field(description="The kind of problem, in two or three words.")
    status: int = Field(description="The HTTP status.")
    detail: str | None = Field(
        None, description="One sentence for people about this very case; null when the title says all."
    )
    instance: str | None = Field(None, description="Not used; always null.")
    errors: list[Fault] | None = Field(None, description="What was wrong, field by field.")


class ServerAddress(WireModel):
    """What a running server writes to `.duragent/run/server.json` for the commands on the same machine."""

    url: str | None = Field(
        None, description="Where programs on this machine reach it; null in files of servers before this field."
    )
    host: str = Field(description="The address that it listens on.")
    port: int = Field(ge=1, le=65_535, description="Its port.")
    pid: int = Field(description="Its process.")
    started_at: str = Field(description="When it began; tells it apart from a later process with the same id.")
    version: str = Field(description="Of the server.")
    workspace_hash: str = Field(description="Names the workspace that it serves.")
    private_folder: str | None = Field(
        None, description="The folder with the server's token and socket; clients check that it is their own user's."
    )

"""The `spec.access` block: who may talk to an agent through a chat."""

from typing import Literal

from pydantic import Field

from duragent.yaml.section import Texts, YamlSection

Disposition = Literal["allow", "passive", "silent", "block"]


class DmAccess(YamlSection):
    """Who may write directly."""

    policy: Literal["open", "disabled", "allowlist"] = Field(default="open", description="Who may write directly.")
    allowlist: Texts = Field(default=(), description="Sender ids; one that ends in * is a prefix.")


class ContextBuffer(YamlSection):
    """What is kept of a group's talk that was not meant for the agent."""

    mode: Literal["silent", "passive"] = Field(
        default="silent", description="`silent` shows it when the agent is addressed, `passive` makes it history."
    )
    max_messages: int = Field(default=100, ge=0, description="How many messages are shown at most.")
    max_age_hours: int = Field(default=24, ge=0, description="How old they may be.")


class Debounce(YamlSection):
    """Waiting for a sender to finish."""

    enabled: bool = Field(default=True, description="Whether messages that follow quickly become one.")
    window_ms: int = Field(default=1_500, ge=0, description="How long to wait for the next one.")


class Queue(YamlSection):
    """What happens to messages that come in during a turn."""

    mode: Literal["batch", "sequential", "drop"] = Field(
        default="batch", description="Together in one turn, one after the other, or not at all."
    )
    max_pending: int = Field(default=10, gt=0, description="How many may wait.")
    overflow: Literal["drop_old", "drop_new", "reject"] = Field(
        default="drop_old", description="What happens when more come."
    )
    reject_message: str | None = Field(default=None, description="The answer to a rejected message.")
    debounce: Debounce = Field(default_factory=Debounce, description="Waiting for a sender to finish.")


class GroupAccess(YamlSection):
    """Which groups may use the agent, and how."""

    policy: Literal["open", "disabled", "allowlist"] = Field(default="open", description="Which groups are served.")
    allowlist: Texts = Field(default=(), description="Entries `<channel>:<chat id>`; one that ends in * is a prefix.")
    sender_default: Disposition = Field(default="allow", description="What a sender's message does.")
    sender_overrides: dict[str, Disposition] = Field(
        default_factory=dict, description="The same for single senders: an id, or a prefix that ends in *."
    )
    activation: Literal["mention", "always"] = Field(
        default="mention", description="Whether the agent answers only when it is addressed."
    )
    context_buffer: ContextBuffer = Field(
        default_factory=ContextBuffer, description="What is kept of talk that was not meant for the agent."
    )
    queue: Queue = Field(default_factory=Queue, description="What happens to messages during a turn.")


class AccessSpec(YamlSection):
    """Who may talk to the agent through a chat."""

    dm: DmAccess = Field(default_factory=DmAccess, description="Direct messages.")
    groups: GroupAccess = Field(default_factory=GroupAccess, description="Group chats.")
    owners: Texts = Field(
        default=(),
        description="Sender ids, or `<channel>:<id>`, that count as the owner in chats; command line and HTTP do.",
    )

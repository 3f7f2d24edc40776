"""What all events share, and the parts that several of them have."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from duragent.text import Text

OnDisconnect = Literal["pause", "continue"]
TurnOutcome = Literal["completed", "cancelled", "failed", "paused"]
CallOutcome = Literal["ok", "error", "timeout", "cancelled", "denied", "skipped", "interrupted"]
EffectClass = Literal["pure", "idempotent", "unsafe", "never"]
"""What the next start does with a call that was started and has no result: `pure` and `idempotent` run again; a person
decides about `unsafe`; `never` is not run again."""


@dataclass(frozen=True, slots=True)
class MovedOut:
    """Marks a text that is always in a blob, also a short one, so that it can be removed without touching the log."""


Forgettable = Annotated[Text, MovedOut()]
"""A text that can be forgotten."""


class EventModel(BaseModel):
    # Unknown fields of a later version are left out here; the stored line keeps them.
    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")


class Sender(EventModel):
    """The author of a message, in a session with several people."""

    id: Text | None = None
    """The platform's own id of this person; None when it gave none."""
    name: Text | None = None
    """For people and for the model."""


class Call(EventModel):
    """One tool call that the model asks for."""

    call: Text
    """Unique in the session."""
    tool: Text
    """The name of the tool, as the model wrote it."""
    arguments: Text
    """The JSON text as the model wrote it, valid or not."""
    quiet: bool = False
    """Whether the model does not wait for its result: text with only such calls is the turn's answer."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `quiet` where it is not: lines of logs stay as they were."""
        fields: dict[str, Any] = write(self)
        if not self.quiet:
            del fields["quiet"]
        return fields


class TokenCounts(EventModel):
    """Token counts as the provider reported them; 0 where it reported none."""

    input: int = 0
    """Includes `cached_input`."""
    output: int = 0
    """Includes `reasoning`."""
    cached_input: int = 0
    """Read from the provider's cache."""
    reasoning: int = 0
    """Spent on thinking that is not part of the answer."""


class PolicyFinding(EventModel):
    """A part of a call that no rule allows."""

    text: Text
    """The part, as it is shown to people."""
    reason: Text = ""
    """Why no rule allows it, as a sentence."""


class AllowanceOffer(EventModel):
    """Something wider than this one call that a person may allow together with it."""

    scope: Literal["session", "policy"]
    """`session`: until the session ends; `policy`: from now on, in the agent's `policy.local.yaml`."""
    words: Text
    """What it allows, such as `this call` or `files below src/`."""
    patterns: tuple[Text, ...] = ()
    """The same as patterns of a policy."""

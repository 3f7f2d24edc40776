"""The events of `/events` that are no records."""

from typing import Literal

from pydantic import Field

from duragent.text import Text
from duragent.wire.base import WireModel


class Hello(WireModel):
    """First event of `/events`. `log` names the log: when it differs from last time, start again from 0."""

    session_id: str = Field(description="The session that is watched.")
    head: int = Field(description="seq of its newest record.")
    oldest: int = Field(description="seq of its oldest record.")
    log: str = Field(description="Names the log.")


class Delta(WireModel):
    """A piece of an answer that is being written; not durable, no id.

    `offset` counts characters (code points) of `text` from the start of this attempt; text before it stays. A higher
    `attempt` or `step` throws away what came before; `model_replied` and `model_failed` replace it all.
    """

    turn: str = Field(description="The turn that it belongs to.")
    step: int = Field(description="Which request to the model, from 1.")
    attempt: int = Field(description="Which attempt of that request, from 1.")
    kind: Literal["text", "reasoning", "output"] = Field(
        "text", description="`text` and `reasoning` of an answer, or the `output` of a tool."
    )
    offset: int = Field(description="Characters before it.")
    text: Text = Field(description="The piece.")
    call: str | None = Field(None, description="With `output`: the tool call that prints it; `attempt` is the call's.")

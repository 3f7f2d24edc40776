"""What the model is shown of the past of a session: summaries in place of records, pinned records, and goals."""

from typing import Literal

from pydantic import Field

from duragent.text import Text
from duragent.wire.base import SEQ_MAX, Asked, WireModel


class ShownSummary(WireModel):
    """A summary, and the records for which it stands."""

    seq: int = Field(description="The record with the summary.")
    level: int = Field(description="1: made of records; a higher one: it took the place of five of the one below.")
    first_seq: int = Field(description="The first record for which it stands.")
    last_seq: int = Field(description="The last one.")
    tokens: int = Field(description="How long it is, by our estimate.")


class ShownPin(WireModel):
    """A record that stays in sight."""

    seq: int = Field(description="The record.")
    text: Text = Field("", description='Its beginning, as it stays in sight; "" when that is gone.')
    goals: list[str] = Field(description="It goes with the last of these goals; none: it stays until it is taken away.")


class ShownGoal(WireModel):
    """A goal that is under way."""

    goal: str = Field(description="Its id, such as `g1`.")
    parent: str = Field("", description='The goal that it is a part of; "" for one of its own.')
    text: Text = Field(description="What is to be reached.")


class SessionView(WireModel):
    """What stands for the older records of a session, and what is kept in sight."""

    session_id: str = Field(description="The session.")
    boundary: int = Field(description="Summaries stand for the records up to this one; 0: all are shown.")
    summaries: list[ShownSummary] = Field(description="In the order of their records, without gaps.")
    pins: list[ShownPin] = Field(description="In the order in which they were pinned.")
    goals: list[ShownGoal] = Field(description="In the order in which they were set.")


class PinRecord(Asked):
    """`POST /api/v1/sessions/{id}/pins`."""

    seq: int = Field(ge=1, le=SEQ_MAX, description="The record whose beginning is kept in sight.")
    goals: list[str] = Field([], max_length=64, description="The pin goes with the last of these goals.")
    reason: str = Field("", max_length=2_000, description="Why, for the log.")
    by: str = Field("", max_length=200, description="Who pins it, for the log.")


class AimAt(Asked):
    """`POST /api/v1/sessions/{id}/goals`."""

    text: Text = Field(description="What is to be reached: a sentence of at most 200 characters.")
    parent: str = Field("", max_length=20, description="The goal that it is a part of.")
    by: str = Field("", max_length=200, description="Who sets it, for the log.")


Outcome = Literal["done", "dropped"]
"""How a goal ends."""

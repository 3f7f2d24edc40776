"""What a question to the model was made of besides the conversation, and what of it was forgotten later.

The law of this file: with these events and the records before them a request can be made again from the log alone.
"""

from typing import Any, Literal

from duragent.journal.events.base import EventModel, Forgettable
from duragent.text import Brief, Text

FORGOTTEN = "[forgotten]"
"""What stands in the place of a text that was forgotten."""


class PromptPart(EventModel):
    """A section of the system message."""

    priority: int
    """A lower one comes first."""
    source: Text
    """Where the section is from, for people."""
    text: Text
    """As the model sees it."""
    forgettable: bool = False
    """Whether the text is in a blob of its own, so that it can be removed."""


class PromptModel(EventModel):
    """The settings of the model that is asked."""

    provider: str
    """As litellm names it."""
    name: Text
    """The provider's name of the model."""
    temperature: float | None = None
    """None for the provider's default."""
    max_output_tokens: int | None = None
    """The limit of the answer; None for the provider's default."""
    thinking: str | int | None = None
    """How much it thinks: a level or a number of tokens. None for the provider's default."""


class PromptSet(EventModel):
    """What stands around the conversation in the requests from here on. Written with a question when it has changed."""

    type: Literal["prompt_set"] = "prompt_set"
    frame_sha256: str
    """Over all other fields; `ModelCalled.frame_sha256` names it."""
    sections: tuple[PromptPart, ...] = ()
    """Of the system message, in their order."""
    tools: Text = ""
    """The tools that are offered, as JSON: a list with `name`, `description` and `parameters` of each. "" for none."""
    tail: Text = ""
    """What stands in the last message only; "" for nothing."""
    model: PromptModel
    """The model that is asked, and how."""
    window_tokens: int
    """How much it can read."""
    tells_time: bool = False
    """Whether notes with date and time stand before messages."""
    reads_past: bool | None = None
    """Whether the tool `history` of duragent is offered; None in older logs, where the name of a tool says it."""
    limits: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    """The agent's `session.context` as it was applied."""
    files: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    """Which files the model takes, and how large they may be; empty while no message has a file."""


class RecalledItem(EventModel):
    """A note that was looked at for a question."""

    ref: str
    """The id of the note."""
    scope: Text = "owner"
    """To whom it belongs, such as `owner` or `person:telegram-4711`."""
    trust: str = "owner"
    """Who vouches for it: `owner` or `agent`."""
    score_milli: int = 0
    """Relevance, age and importance together, of 1,000."""
    coverage_milli: int = 0
    """How much of the question's weight stands in it or in its neighbours, of 1,000."""
    age_hours: int = 0
    """Since it was written; 0 when that is not known."""
    importance_milli: int = 0
    """0 to 1,000."""
    left_out: str = ""
    """Why the model was not shown it, such as `below_threshold`; "" when it was."""


class MemoryRecalled(EventModel):
    """What the agent's memory gave for the messages that a question takes up. Written with that question.

    What was searched for is those messages themselves.
    """

    type: Literal["memory_recalled"] = "memory_recalled"
    turn: str
    """The turn that it belongs to."""
    upto_seq: int
    """The newest of these messages. The text stands in front of it in this request and in all later ones."""
    text: Forgettable = ""
    """The block that the model is shown, to the byte; "" when nothing was found."""
    items: tuple[RecalledItem, ...] = ()
    """What was looked at, the best first."""
    silent: str = ""
    """Why nothing is shown: `below_threshold`, `nothing`, `late` or `off`; "" when something is."""
    took_ms: int = 0
    """How long the search took."""
    index_rev: str = ""
    """Names the index's schema, language, weights and embedder."""
    notes: int = 0
    """How many notes the index had."""
    embedder: Text = ""
    """`provider/model@dimensions`; "" without one."""


class ForgottenText(EventModel):
    """A text that was removed."""

    seq: int
    """The record that it was a text of."""
    field: Text
    """The field of that record, such as `text` or `sections[2].text`."""
    sha256: str
    """The blob that it was in. It is absent from now on, and that is no damage."""


class TextForgotten(EventModel):
    """A person had texts removed for good. Durable before the blobs are removed; their records stay."""

    type: Literal["text_forgotten"] = "text_forgotten"
    fields: tuple[ForgottenText, ...] = ()
    """What was removed."""
    by: Brief = ""
    """Who asked; "" when the client did not say."""
    reason: Brief = ""
    """A sentence for people; "" when none was given."""

"""What an agent's memory gave for the messages of a session, and why."""

from pydantic import Field

from duragent.text import Text
from duragent.wire.base import WireModel


class RecallNote(WireModel):
    """A note that was looked at. Figures in thousandths are integers."""

    ref: Text = Field(description="Its id; `SESSION#SEQ` for what was said in an older session.")
    scope: Text = Field(description="To whom it belongs, such as `owner` or `person:telegram-4711`.")
    trust: str = Field(description="Who vouches for it: `owner`, `agent`, or `unreviewed`, which no model is shown.")
    score_milli: int = Field(description="Relevance, age and importance together.")
    coverage_milli: int = Field(description="How much of the question's weight stands in it or beside it.")
    age_hours: int = Field(description="How old it was; 0 when that is not known.")
    age_milli: int = Field(description="What its age leaves of it, by the settings of now.")
    importance_milli: int = Field(description="How much it matters.")
    left_out: str = Field(description="Why the model was not shown it; empty when it was.")
    own: list[Text] = Field([], description="Words of the question that stand in it now.")
    near: list[Text] = Field([], description="Words of the question that stand only in its neighbours now.")
    file: Text = Field("", description="Where it stands now; empty when it is gone, or was said in a session.")
    line: int = Field(0, description="Its first line there.")


class RecallInfo(WireModel):
    """A search for the messages that one question to the model took up."""

    seq: int = Field(description="The record that says what was found.")
    turn: str = Field(description="The turn's id.")
    question: Text = Field(description="What was searched for: the messages, the newest first.")
    silent: str = Field(
        description="Why nothing was shown: `below_threshold`, `nothing`, `late` or `off`; empty when something was."
    )
    took_ms: int = Field(description="How long it took.")
    notes: int = Field(description="How many notes the index had.")
    index_rev: str = Field(description="Names the index's schema, language and weights.")
    embedder: Text = Field(description="What found by meaning too; empty when only words did.")
    threshold_milli: int = Field(description="The least coverage, by the settings of now.")
    items: list[RecallNote] = Field(description="What was looked at, the best first.")


class RecallList(WireModel):
    """The newest first. The figures are those of the log; the words are computed again from the notes as they are."""

    session_id: str = Field(description="The session.")
    recalls: list[RecallInfo] = Field(description="The searches.")
    next_before: int | None = Field(None, description="Give it as `before` for the page of older ones.")

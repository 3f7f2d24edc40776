"""The `spec.memory` block: what an agent remembers across sessions, and how it is found again."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from duragent.yaml.section import Filled, OnOff, YamlSection


class EmbeddingSpec(YamlSection):
    """Where texts become vectors. It sends notes to that provider, so it is never guessed."""

    provider: Filled = Field(description="Who computes them: openai, ollama, or another that litellm knows.")
    model: Filled = Field(description="The provider's name of the embedding model.")
    base_url: str | None = Field(
        default=None, description="Where the provider answers, when it is not the usual address."
    )
    use: Filled | None = Field(
        default=None,
        description="The name of a file in `models/`, which then says the provider, the model and the address, as far "
        "as they are not here.",
    )
    dimensions: int | None = Field(
        default=None, gt=0, le=8_192, description="How long a vector is; the model's own length when absent."
    )


class SleepSpec(YamlSection):
    """What may be used for work in the background, such as summaries and vectors."""

    model: str | None = Field(
        default=None,
        description="The name of a file in `models/` whose model writes summaries, with "
        "`spec.session.context.summaries: model`; none when absent.",
    )
    tokens_per_day: int = Field(default=200_000, ge=0, description="Tokens in a day, read and written together.")
    cost_usd_per_day: float = Field(default=0.10, ge=0, description="US dollars in a day, as far as prices are known.")


class MemorySpec(YamlSection):
    """What the agent remembers across sessions."""

    backend: Literal["filesystem"] = Field(default="filesystem", description="Where memories rest.")
    recall: Annotated[Literal["auto", "tool", "off"], OnOff] = Field(
        default="auto",
        description="`auto` searches for each message and shows what fits, `tool` leaves it to the agent's own calls.",
    )
    limit: int = Field(default=5, ge=1, le=50, description="How many notes a search shows at most.")
    budget_tokens: int = Field(default=600, ge=50, le=20_000, description="How long they may be together.")
    threshold: float = Field(
        default=0.3, ge=0, le=1, description="How much of the question's weight a note's words must have to be shown."
    )
    min_importance: float = Field(default=0.1, ge=0, le=1, description="Notes below it are not shown.")
    half_life_hours: float = Field(
        default=168, gt=0, description="After so long a note of a day counts half; never less than `floor`."
    )
    floor: float = Field(default=0.5, ge=0, le=1, description="The least that age leaves of a note's weight.")
    formula: Literal["ranks", "anima"] = Field(
        default="ranks",
        description="How well a note fits: `ranks` by its place among what was found, `anima` by (cosine + 1) / 2, "
        "which needs `embedding`; with `floor: 0` that is Anima's own score.",
    )
    in_prompt_tokens: int = Field(
        default=2_000, ge=0, description="How much of MEMORY.md stands in the system message; 0 is none."
    )
    language: Filled = Field(
        default="en",
        description="For stop words and word stems: `en`, `none` (whole words), `cjk` (neighbouring characters), or "
        "another that the package snowballstemmer knows.",
    )
    history: bool = Field(default=True, description="Whether what was said in older sessions is found too.")
    tags: Annotated[Literal["auto", "on", "off"], OnOff] = Field(
        default="auto",
        description="Whether `[REMEMBER: text]` in an answer is a note; `auto` where a model calls tools as text.",
    )
    timezone: str | None = Field(
        default=None, description="For the days of notes, such as `Europe/Berlin`; the machine's when absent."
    )
    embedding: EmbeddingSpec | None = Field(default=None, description="Also find by meaning; absent means by words.")
    sleep: SleepSpec = Field(default_factory=SleepSpec, description="What work in the background may use.")

    @model_validator(mode="after")
    def _formula_has_what_it_needs(self) -> "MemorySpec":
        if self.formula == "anima" and self.embedding is None:
            raise ValueError("`formula: anima` compares notes by their meaning: set `embedding`, or leave it out")
        return self

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, value: str | None) -> str | None:
        if value is not None:
            from zoneinfo import ZoneInfo

            try:
                ZoneInfo(value)
            except (KeyError, OSError, ValueError) as error:
                raise ValueError(f"this machine knows no time zone '{value[:64]}'; one is `Europe/Berlin`") from error
        return value

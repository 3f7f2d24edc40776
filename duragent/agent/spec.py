"""The Duragent Format: what may stand in `agent.yaml`.

Each mapping is a frozen model with its own defaults, so that a mapping which is absent means the same as an empty one.
An unknown key is an error. The descriptions make the reference page.
"""

import re
from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    Discriminator,
    Field,
    Strict,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from duragent.agent.access import AccessSpec
from duragent.agent.memory_spec import MemorySpec
from duragent.yaml.model import PathText
from duragent.yaml.section import Filled, FilledPath, OnOff, Scalar, Texts, YamlSection

API_VERSION = "duragent/v1alpha1"
KNOWN_PROVIDERS = ("anthropic", "ollama", "openai", "openrouter", "gemini", "demo")

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Compaction = Literal["discard", "archive", "disabled"]


# --- model ----------------------------------------------------------------------------------------------------------


class ThinkingBudgetSpec(YamlSection):
    """How long the model may think, in tokens."""

    budget_tokens: int = Field(gt=0, description="Tokens that the model may think; part of the longest answer.")


class ModelFields(YamlSection):
    """What may be said of a model, by an agent or by a file in `models/`."""

    provider: Filled = Field(
        description="Who runs it: anthropic, ollama, openai, openrouter, gemini, demo, or another that litellm knows."
    )
    name: str = Field(
        default="",
        validate_default=True,
        description="The model's name at that provider; only the provider demo needs none.",
    )
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="How freely the model chooses its words; not sent when absent."
    )
    max_input_tokens: int | None = Field(
        default=None, gt=0, description="The model's context window; known from its name when absent."
    )
    max_output_tokens: int | None = Field(
        default=None,
        gt=0,
        validation_alias=AliasChoices("max_output_tokens", "max_tokens"),
        description="The longest answer; 4096 are reserved in budgets when absent.",
    )
    tools: Literal["auto", "native", "text"] = Field(
        default="auto",
        description="How the model calls tools: by the provider's own means, as text, or what is known to work.",
    )
    thinking: Annotated[Literal["off", "low", "medium", "high"] | ThinkingBudgetSpec | None, OnOff] = Field(
        default=None, description="How much the model thinks before it answers; the provider decides when absent."
    )
    adapter: Literal["auto", "direct", "litellm"] = Field(
        default="auto",
        description="How the provider is asked: directly, through litellm, or directly where that is possible.",
    )
    base_url: str | None = Field(
        default=None, description="Where the provider answers, when it is not the usual address."
    )

    @field_validator("name")
    @classmethod
    def _name_is_there(cls, value: str, info: ValidationInfo) -> str:
        if value.strip() or "provider" not in info.data:
            return value
        if info.data["provider"] == "demo":
            return "demo"
        raise PydanticCustomError("missing", "is missing")

    @field_validator("base_url")
    @classmethod
    def _base_url_is_http(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https?://[^/\s]", value):
            raise ValueError("must begin with http:// or https://, and name a host")
        return value


class ModelSpec(ModelFields):
    """Which model answers, and how."""

    use: Filled | None = Field(
        default=None, description="The name of a file in `models/`, which then has the fields that are not here."
    )


# --- session --------------------------------------------------------------------------------------------------------


class ContextSpec(YamlSection):
    """How much of a session the model sees."""

    max_history_tokens: int = Field(
        default=40_000, ge=0, description="The cap for earlier messages that are shown whole; 0 means no cap."
    )
    summaries: Annotated[Literal["extract", "model", "off"], OnOff] = Field(
        default="extract",
        description="What stands for messages that are shown no longer: `extract` is made by code, `model` has its "
        "text written by the model that `spec.memory.sleep.model` names, `off` leaves them out with a notice.",
    )
    summary_share: float = Field(
        default=0.2, ge=0, le=1, description="What summaries take at most, as a part of `max_history_tokens`."
    )
    pin_share: float = Field(
        default=0.05, ge=0, le=1, description="What goals and pins take at most, as a part of `max_history_tokens`."
    )
    max_tool_result_tokens: int = Field(default=8_000, gt=0, description="The cap for one tool result.")
    tool_result_truncation: Literal["head", "tail", "both"] = Field(
        default="head", description="Which part of a tool result that is too long is kept."
    )
    tool_result_keep_first: int = Field(
        default=2, ge=0, description="How many of a turn's first tool results are never masked."
    )
    tool_result_keep_last: int = Field(
        default=5,
        ge=0,
        description="How many of a turn's last tool results are never masked; both 0 turns masking off.",
    )


class BudgetSpec(YamlSection):
    """What may be used; what is absent is without bound. When it is used up the turn pauses, and a person decides."""

    tokens: int | None = Field(default=None, gt=0, description="Input and output tokens together.")
    cost_usd: float | None = Field(default=None, gt=0, description="In US dollars, as far as prices are known.")


class TurnBudgetSpec(BudgetSpec):
    """What one turn may use; what is absent is without bound. When it is used up the turn pauses."""

    seconds: float | None = Field(
        default=None, gt=0, description="Of work, without the time in which a person had to decide."
    )


class SandboxSpec(YamlSection):
    """Where the agent's commands run."""

    network: bool = Field(default=False, description="Whether its commands may use the network.")
    require: Literal["bubblewrap", "docker"] | None = Field(
        default=None, description="Run nothing when this sandbox does not work here."
    )
    writable: Annotated[tuple[PathText, ...], Strict(False)] = Field(
        default=(), description="Folders besides the working directory that commands may write; relative to it."
    )


class SessionSpec(YamlSection):
    """How sessions of this agent live."""

    on_disconnect: Literal["continue", "pause"] = Field(
        default="continue", description="What a turn does when the last watcher goes away."
    )
    max_tool_iterations: int = Field(
        default=50,
        ge=0,
        le=10_000,
        description="How often a turn may go back to the model: a brake for one that goes in circles. "
        "`turn_budget` and `session_budget` say what real work may use.",
    )
    llm_timeout_seconds: float = Field(
        default=300, gt=0, le=86_400, description="The time for one model request, from connecting to the last word."
    )
    ttl_hours: float | None = Field(
        default=None,
        ge=0,
        description="When an idle session expires; 0 means never, absent means the server's setting.",
    )
    compaction: Compaction | None = Field(
        default=None, description="What happens to old records; absent means the server's setting."
    )
    context: ContextSpec = Field(default_factory=ContextSpec, description="How much of a session the model sees.")
    turn_budget: TurnBudgetSpec = Field(default_factory=TurnBudgetSpec, description="What one turn may use.")
    session_budget: BudgetSpec = Field(default_factory=BudgetSpec, description="What a whole session may use.")


# --- tools and hooks ------------------------------------------------------------------------------------------------


class BuiltinToolSpec(YamlSection):
    """A tool that comes with duragent."""

    type: Literal["builtin"] = Field(description="`builtin`: a tool that comes with duragent.")
    name: Filled = Field(
        description="Which one: bash, read_file, write_file, edit_file, list_files, search_files, web, session, skill, "
        "think, read_output, reload_tools, history, goals, or one that another package brings."
    )


class CliToolSpec(YamlSection):
    """A program that the agent may run."""

    type: Literal["cli"] = Field(description="`cli`: a program that the agent may run.")
    name: Filled = Field(description="How the model calls it.")
    command: Filled = Field(
        description="The program and its fixed arguments; words that name a file in the agent's folder mean that file."
    )
    readme: str | None = Field(
        default=None,
        description="A Markdown file that tells the model how to use it: its first 4 KiB, after the description.",
    )
    description: str | None = Field(default=None, description="One sentence for the model.")


Tool = Annotated[BuiltinToolSpec | CliToolSpec, Discriminator("type")]


class BeforeTool(YamlSection):
    """A rule that is checked before a tool runs."""

    match: Filled = Field(description="Which calls: a tool, or `tool:action`.")
    type: Literal["depends_on", "skip_duplicate"] = Field(
        description="`depends_on` wants an earlier call, `skip_duplicate` refuses to repeat one."
    )
    prior: str | None = Field(default=None, description="For depends_on: the call that must have come before.")
    match_arg: str | None = Field(default=None, description="The argument that must be equal in both calls.")
    match_args: Texts = Field(default=(), description="The arguments that must all be equal in both calls.")

    @model_validator(mode="after")
    def _prior_for_depends_on(self) -> "BeforeTool":
        if self.type == "depends_on" and not self.prior:
            raise ValueError("depends_on needs `prior`: the call that must have come before")
        return self


class AfterTool(YamlSection):
    """A note for the model after a tool has run."""

    match: Filled = Field(description="Which calls: a tool, or `tool:action`.")
    message: Filled = Field(description="What the model is told.")
    unless: dict[str, Scalar] = Field(
        default_factory=dict, description="Arguments; when the call has all of them, nothing is told."
    )


class HooksSpec(YamlSection):
    """Rules and notes around tool calls."""

    before_tool: Annotated[tuple[BeforeTool, ...], Strict(False)] = Field(
        default=(), description="Rules that are checked before a tool runs."
    )
    after_tool: Annotated[tuple[AfterTool, ...], Strict(False)] = Field(
        default=(), description="Notes for the model after a tool has run."
    )


# --- the file -------------------------------------------------------------------------------------------------------


class AgentSpec(YamlSection):
    """The `spec` block."""

    model: ModelSpec = Field(description="Which model answers, and how.")
    soul: FilledPath | None = Field(default=None, description="The file with the agent's character; else SOUL.md.")
    system_prompt: FilledPath | None = Field(default=None, description="The file with its task; else SYSTEM_PROMPT.md.")
    instructions: FilledPath | None = Field(default=None, description="The file with its rules; else INSTRUCTIONS.md.")
    skills_dir: FilledPath = Field(default="./skills/", description="The folder with the agent's skills.")
    session: SessionSpec = Field(default_factory=SessionSpec, description="How sessions of this agent live.")
    working_directory: FilledPath | None = Field(
        default=None, description="Where it works, relative to the project, the folder that holds the workspace."
    )
    sandbox: SandboxSpec = Field(default_factory=SandboxSpec, description="Where its commands run.")
    tools: Annotated[tuple[Tool, ...], Strict(False)] = Field(default=(), description="What the agent can do.")
    tools_recall: int | None = Field(
        default=None, gt=0, description="Show the model only so many tools, those that fit what was said."
    )
    hooks: HooksSpec = Field(default_factory=HooksSpec, description="Rules and notes around tool calls.")
    access: AccessSpec | None = Field(default=None, description="Who may talk to it through a chat; absent means all.")
    memory: MemorySpec | None = Field(default=None, description="Present: the agent remembers across sessions.")


class Metadata(YamlSection):
    """What the agent is called."""

    name: str = Field(description="The agent's name, which is its folder's name too.")
    description: str | None = Field(default=None, description="One line for people.")
    version: str | None = Field(default=None, description="Your own version of this agent.")
    labels: dict[str, str] = Field(default_factory=dict, description="Your own keys and values.")
    aliases: Texts = Field(default=(), description="Other names by which sessions know it, such as one it had before.")

    @field_validator("name")
    @classmethod
    def _name_is_plain(cls, value: str) -> str:
        return check_name(value)


class AgentFile(YamlSection):
    """An `agent.yaml`."""

    api_version: Literal["duragent/v1alpha1"] = Field(alias="apiVersion", description="The format's version.")
    kind: Literal["Agent"] = Field(description="What this file is.")
    metadata: Metadata = Field(description="What the agent is called.")
    spec: AgentSpec = Field(description="What it is.")


def check_name(name: str) -> str:
    """The name, or ValueError with the rule that it breaks."""
    if NAME_PATTERN.fullmatch(name):
        return name
    raise ValueError(
        "must be 1 to 64 lower-case letters, digits, - or _, and begin with a letter or a digit"
        + (f", not '{name[:64]}'" if name else "")
    )


_INACTIVE = {"access", "session.compaction"}


def inactive(spec: AgentSpec) -> list[str]:
    """The fields that the file sets, such as `spec.tools`, on which this version does not act yet; sorted."""
    return [f"spec.{name}" for name in sorted(_set_fields(spec) & _INACTIVE)]


def _set_fields(section: YamlSection, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name in section.model_fields_set:
        found.add(prefix + name)
        if isinstance(value := getattr(section, name), YamlSection):
            found |= _set_fields(value, f"{prefix}{name}.")
    return found

"""The contract of a tool.

    class WordCount(Tool["WordCount.Arguments"]):
        \"\"\"Count the words of a text.\"\"\"

        name = "word_count"
        effect = "pure"

        class Arguments(ToolArguments):
            text: str = Field(description="The text.")

        async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
            return ToolResult(f"{len(arguments.text.split())} words")

Promises of every tool (`duragent.testing.check_tool` tries them):
- The docstring is the description for the model; name, description and schema are the same bytes from turn to turn.
- `parse` takes what a model wrote, raises InvalidArguments with a sentence that tells the model what would be right,
  and nothing else. `invocation` shows policy and people *everything* that the call will do: no argument is
  hidden, but for how long it may take.
- `effect` is true: `pure` changes nothing; `idempotent` may be done twice and is then as if done once; `unsafe` may
  not; `never` must not be repeated even by a person's mistake. What is not sure is `unsafe`, the default.
- `run` is a coroutine that keeps the event loop free (threads for blocking work), ends soon when it is cancelled, and
  reports what went wrong as a result with the outcome `error`; an exception is a bug of the tool, and becomes one too.
- A tool sees its `ToolContext` and nothing else of the runtime.
"""

import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from duragent.agent.load import Agent
from duragent.errors import InvalidArguments, SessionNotFound
from duragent.journal.events import AllowanceOffer, EffectClass
from duragent.models.messages import ToolSchema
from duragent.policy.patterns import Kind
from duragent.policy.rules import Invocation, invocation_text
from duragent.process.base import Commands
from duragent.sandboxes.base import Command
from duragent.yaml.validation_words import problem_and_hint

ResultOutcome = Literal["ok", "error", "timeout", "cancelled"]

MAX_ARGUMENT_CHARS = 1 << 20


class ToolArguments(BaseModel):
    """Arguments as the model gives them: unknown ones are refused, numbers in quotes are taken as numbers."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file with its bytes."""

    name: str
    """Without folders."""
    content: bytes
    """At most `file_types.ATTACHMENT_MAX_BYTES`."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came out."""

    content: str
    """For the model."""
    outcome: ResultOutcome = "ok"
    """How the call ended."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """For people and programs: small, and JSON."""
    full: bytes | None = None
    """The whole output when `content` shows only a part of it; it is kept, and `read_output` pages through it."""
    files: tuple[ResultFile, ...] = ()
    """Images and the like: a model that takes them gets them with `content`, another one gets their names. At most
    `file_types.MAX_ATTACHMENTS`."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What a call would make of one file, as the file is now."""

    path: str
    """Relative to the working directory, symlinks resolved."""
    old: bytes | None
    """What is there; None when nothing is, or when it is too long or not to be read (`mode` tells which)."""
    new: bytes
    """What would be there instead."""
    mode: int | None = None
    """The permissions of what is there; None when nothing is."""


def failed(content: str, **details: Any) -> ToolResult:
    return ToolResult(content, "error", details)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a call happens. All absolute, symlinks resolved."""

    folder: Path
    """The working directory: files below it may be read and written."""
    workspace: Path
    """The folder with the agents."""
    agent_folder: Path
    """The folder of the agent's own files."""
    roots: tuple[Path, ...] = ()
    """Other folders below which files may be read."""
    closed: tuple[Path, ...] = ()
    """Files and folders inside of these that no tool touches: the server's token, the logs."""
    frozen: tuple[Path, ...] = ()
    """What may be read only: the agents' own files."""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Which call this is."""

    session_id: str
    """The session in which the call was made."""
    call: str
    """The id of the call."""
    attempt: int
    """Counts from 1."""
    key: str
    """The idempotency key: the same for every attempt."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another session of the same agent."""

    session_id: str
    status: str
    """As the API names it."""
    updated_at: str
    """The time of its last record."""
    title: str
    """Its title, else what it is about; "" without both."""
    source: str
    """Where it was begun."""


class SessionsPort(Protocol):
    """What a tool may know of this session and of others of the same agent."""

    async def siblings(self, limit: int) -> Sequence[Sibling]:
        """The last changed first, without this session."""
        ...

    async def read(self, session_id: str, limit: int) -> Sequence[tuple[str, str]]:
        """(role, text) of its newest messages, oldest first. Raises SessionNotFound also for another agent's."""
        ...

    async def output(self, call: str) -> bytes | None:
        """The whole output of an earlier call of this session; None when none was kept."""
        ...

    async def attached(self, name: str) -> ResultFile | None:
        """The newest file of this name that came with a message or a result of this session; None without any.

        In front of the name, and of a slash, may stand the beginning of the file's SHA-256.
        """
        ...


class NoSessions:
    """A `SessionsPort` without any sessions: for tools that are only looked at."""

    async def siblings(self, limit: int) -> Sequence[Sibling]:
        return ()

    async def read(self, session_id: str, limit: int) -> Sequence[tuple[str, str]]:
        raise SessionNotFound(session_id)

    async def output(self, call: str) -> bytes | None:
        return None

    async def attached(self, name: str) -> ResultFile | None:
        return None


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What every tool sees of one of its calls. What only one tool needs, its factory gives it; see `ToolFactory`."""

    agent: Agent
    """The agent whose model made the call."""
    places: Places
    """Where the call happens."""
    call: CallInfo
    """Which call it is."""
    commands: Commands
    """Runs the call's one command; it goes on when the server dies."""
    confined: "Confine"
    """`confined(argv, …)` makes the command that `commands.run` takes: a clean environment, in the agent's sandbox."""
    kept: Mapping[str, str | None] = field(default_factory=dict)
    """What the log keeps of the files of `planned`, by path: their SHA-256, None where nothing is, "" where it keeps
    nothing of what is there. A file that is another one by now must not be changed."""


class Confine(Protocol):
    def __call__(
        self,
        argv: Sequence[str],
        *,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> Command:
        """`folder` None is the working directory; `env` is added to the clean environment.

        Looks at the disk, for some milliseconds: call it in a thread.
        """
        ...


class Tool(ABC, Generic[A]):
    """One tool. See the module docstring for the promises. Instances hold no state of a call."""

    name: str
    """What the model calls: 1 to 64 letters, digits, - or _."""
    kind: Kind = "builtin"
    """Which patterns of a policy speak of it."""
    effect: EffectClass = "unsafe"
    """What doing a call twice means; `effect_of` can say it of a single call."""
    main: str | None = None
    """The argument that says most; it comes first in what policy and people see."""
    timeout_seconds: float = 120.0
    """After so long the call is ended, with the outcome `timeout`."""
    by_command: bool = False
    """All that it does is one `commands.run`: a call that was interrupted can be picked up where it stands."""
    outside: bool = True
    """Whether its results may have texts that neither the owner nor the agent wrote: a note that quotes them waits for
    a person. False only for tools that bring nothing new in."""
    changes_tools: bool = False
    """After it has run, the agent's tools are gathered again."""
    runs_unasked: bool | tuple[str, ...] = False
    """Whether its calls run without an approval where no policy file has an `allow` list; a tuple names the actions
    that do. Say so only of what reads, and sends nothing that the model could choose."""

    Arguments: ClassVar[type[BaseModel]]
    """The arguments, as pydantic checks them; their descriptions are for the model."""

    @property
    def description(self) -> str:
        """For the model."""
        return inspect.cleandoc(type(self).__doc__ or "")

    def parameters(self) -> dict[str, Any]:
        """The JSON schema of the arguments, an object."""
        return _schema_of(self.Arguments)

    def schema(self) -> ToolSchema:
        return ToolSchema(name=self.name, description=self.description, parameters=self.parameters())

    def parse(self, text: str) -> A:
        """The arguments from a model's JSON text; an empty one is no arguments. Raises InvalidArguments."""
        try:
            return self.Arguments.model_validate(json_object(text))  # type: ignore[return-value]  # A is Arguments
        except ValidationError as error:
            raise InvalidArguments(self.name, [_fault(fault) for fault in error.errors(include_url=False)]) from None

    def effect_of(self, arguments: A) -> EffectClass:
        """The effect class of this very call."""
        return self.effect

    def invocation(self, arguments: A) -> Invocation:
        """The call as policy and people see it."""
        values = arguments.model_dump(mode="json", exclude_defaults=True)
        return Invocation(self.kind, self.name, invocation_text(self.name, values, self.main))

    def planned(self, arguments: A, places: Places) -> Sequence[PlannedChange]:
        """The files that the call would change; none when it would fail. Blocks on the disk, and changes nothing.

        What was there is kept in the log before the call runs, so that it can be undone.
        """
        return ()

    def wider(self, arguments: A) -> Sequence[AllowanceOffer]:
        """What a person may allow besides this very call, from narrow to wide; see `policy.breadths`.

        Nothing that removes, or that reaches other machines: of such a tool each call is asked about.
        """
        return ()

    def action(self, arguments: A) -> str | None:
        """Which of its actions this call is, for tools that have several."""
        action = getattr(arguments, "action", None)
        return action if isinstance(action, str) else None

    def unasked_patterns(self) -> tuple[str, ...]:
        """`runs_unasked` as patterns of a policy, such as `builtin:web:search`."""
        if isinstance(self.runs_unasked, tuple):
            return tuple(f"{self.kind}:{self.name}:{action}" for action in self.runs_unasked)
        return (f"{self.kind}:{self.name}",) if self.runs_unasked else ()

    @abstractmethod
    async def run(self, arguments: A, context: ToolContext) -> ToolResult:
        """Do it."""


AnyTool = Tool[Any]


@dataclass(frozen=True, slots=True)
class ToolOwner:
    """For whom a tool is made."""

    agent: Agent
    """The agent that gets the tool."""
    places: Places
    """Where its calls happen."""
    session_id: str = ""
    """The session in which it is used; "" where tools are only looked at."""


class ToolFactory(Protocol):
    """Makes one tool with what it needs besides a `ToolContext`: settings, or a port to the room that brings it.

    The wiring hands factories over by the name of their tool; `gather` calls one when an agent has that tool.
    """

    def __call__(self, owner: ToolOwner, /) -> AnyTool: ...


@lru_cache(maxsize=256)
def _schema_of(arguments: type[BaseModel]) -> dict[str, Any]:
    # Tools are made for each turn, their classes only once.
    schema: dict[str, Any] = without_titles(arguments.model_json_schema())
    return schema


def json_object(text: str) -> dict[str, Any]:
    """The JSON object in what a model wrote as arguments. Raises InvalidArguments."""
    if len(text) > MAX_ARGUMENT_CHARS:
        raise InvalidArguments("", [f"they are longer than {MAX_ARGUMENT_CHARS:,} characters"])
    try:
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InvalidArguments("", [f"they are not valid JSON: {error}"]) from None
    if not isinstance(value, dict):
        raise InvalidArguments("", [f"they must be a JSON object, not {type(value).__name__}"])
    return value


def without_titles(schema: Any) -> Any:
    """A JSON schema without the `title`s that pydantic derives from names: tokens that tell a model nothing."""
    if isinstance(schema, list):
        return [without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    return {
        key: {name: without_titles(inner) for name, inner in value.items()}
        if key in ("properties", "$defs") and isinstance(value, dict)
        else without_titles(value)
        for key, value in kept.items()
    }


def _fault(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    problem, hint = problem_and_hint(error, repr(error["input"])[:80])
    return f"{where or 'they'}: {problem}" + (f" ({hint})" if hint else "")

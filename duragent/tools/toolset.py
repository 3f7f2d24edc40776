"""Which tools an agent has: built-ins and programs that agent.yaml names, and folders that lie in `tools`.

The law of this file: `gather` gives the same tools in the same order for the same files, so that what a provider has
cached of a prompt stays good; and a tool that cannot be used becomes a fault in the toolset, never a crash and never a
different tool in its place. Nothing here runs a program; a module is imported when an agent names its tool.
"""

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from duragent.agent.load import FILE_NAME, Agent
from duragent.agent.skills import Skill, skills_of
from duragent.agent.spec import CliToolSpec as CliSpec
from duragent.errors import InvalidFile
from duragent.journal.events import EffectClass
from duragent.models.messages import ToolSchema
from duragent.policy.patterns import KINDS
from duragent.tools.base import AnyTool, Places, Tool, ToolFactory, ToolOwner
from duragent.tools.programs.discovery import NAME, NAME_RULE, SCHEMA, discover
from duragent.tools.programs.program import Program, argv_of_command, description_in, program_file
from duragent.tools.programs.schema import load_schema
from duragent.tools.programs.tool import ProgramTool
from duragent.yaml.validation_words import cut

BUILTINS: Mapping[str, str] = MappingProxyType(
    {
        "bash": "duragent.tools.bash:Bash",
        "read_file": "duragent.tools.read_file:ReadFile",
        "write_file": "duragent.tools.write_file:WriteFile",
        "edit_file": "duragent.tools.edit_file:EditFile",
        "list_files": "duragent.tools.list_files:ListFiles",
        "search_files": "duragent.tools.search_files:SearchFiles",
        "web": "duragent.tools.web.tool:WebTool",
        "session": "duragent.tools.session:SessionTool",
        "reload_tools": "duragent.tools.reload_tools:ReloadTools",
        "skill": "duragent.tools.skill:SkillTool",
        "read_output": "duragent.tools.read_output:ReadOutput",
        "think": "duragent.tools.think:Think",
        "history": "duragent.tools.history:HistoryTool",
        "goals": "duragent.tools.goals:GoalsTool",
    }
)
"""By name: where the class is. It can be made without arguments, to be looked at; a factory gives it what it needs."""
LATER = ("schedule", "background_process")
"""Part of the format, and not of this version."""
ENTRY_POINTS = "duragent.tools"

Factories = Mapping[str, ToolFactory]
"""By the name of the tool that they make."""
NO_FACTORIES: Factories = MappingProxyType({})

READ_OUTPUT, SKILL = "read_output", "skill"
HISTORY = "history"
"""Reads the records for which summaries stand; see `Toolset.of_the_past`."""
MEMORY = "memory"
"""Present exactly when the agent has `spec.memory`; the wiring brings its factory."""
_TAKEN = "has the name of a tool that comes with duragent; call it something else"
_NEAR = 0.6


@dataclass(frozen=True)
class Toolset:
    """What an agent can do."""

    tools: tuple[AnyTool, ...] = ()
    """The built-ins and the programs of agent.yaml in its order, then those that were discovered."""
    faults: tuple[str, ...] = ()
    """Sentences: one for each tool that is not there although it was asked for, or not as it was meant."""
    skills: tuple[Skill, ...] = ()
    """What the tool `skill` can load; a skill that is loaded may narrow which calls are allowed."""
    of_the_past: tuple[AnyTool, ...] = ()
    """What agents with other tools have besides, as soon as summaries stand for records of the session. The request
    changes from its beginning then; before, these tools would cost words and have nothing to find."""

    def get(self, name: str) -> AnyTool | None:
        """The tool with exactly this name."""
        return self._by_name.get(name)

    def schemas(self) -> tuple[ToolSchema, ...]:
        """What the model is offered, in the order of `tools`."""
        return self._schemas

    def closest(self, name: str) -> str | None:
        """The name that was probably meant."""
        return _closest(name, [tool.name for tool in self.tools])

    @cached_property
    def unasked(self) -> tuple[str, ...]:
        """Patterns of the calls that run without an approval where no policy file has an `allow` list."""
        return tuple(pattern for tool in (*self.tools, *self.of_the_past) for pattern in tool.unasked_patterns())

    @cached_property
    def _by_name(self) -> Mapping[str, AnyTool]:
        return {tool.name: tool for tool in (*self.of_the_past, *self.tools)}

    @cached_property
    def _schemas(self) -> tuple[ToolSchema, ...]:
        return tuple(tool.schema() for tool in self.tools)


def gather(owner: ToolOwner, factories: Factories = NO_FACTORIES, *, trusted: bool = True) -> Toolset:
    """The tools of that agent as its files are now. Blocks on the disk.

    `trusted` False leaves out all that would run a program which came with the workspace.
    """
    agent, places = owner.agent, owner.places
    if not trusted:
        factories = {**factories, "reload_tools": _untrusted_reload}
    make = partial(_builtin, owner=owner, factories=factories)
    named, faults = _named(agent, places, make, trusted)
    found = discover(places.agent_folder, places.workspace, trusted=trusted)
    faults += found.faults
    programs = [tool for tool in named.values() if isinstance(tool, ProgramTool)]
    first = [tool for tool in named.values() if tool is not None and not isinstance(tool, ProgramTool)]
    if agent.spec.memory is not None and MEMORY not in named:
        first.append(make(MEMORY))
    reserved = {tool.name for tool in first} | {READ_OUTPUT, SKILL, MEMORY}
    for tool in found.tools:
        if tool.name in reserved:
            faults.append(f"{tool.program.folder}: {_TAKEN}")
        elif tool.name not in named:
            programs.append(tool)
    skills, _ = skills_of(agent, places.workspace)
    if SKILL not in named and skills:
        first.append(make(SKILL))
    if READ_OUTPUT not in named and any(tool.by_command for tool in (*first, *programs)):
        first.append(make(READ_OUTPUT))
    past = _of_the_past(agent, make) if HISTORY not in {*named, *(tool.name for tool in (*first, *programs))} else ()
    return Toolset((*first, *programs), tuple(faults), skills, past if first or programs else ())


def _of_the_past(agent: Agent, make: Callable[[str], AnyTool]) -> tuple[AnyTool, ...]:
    return (make(HISTORY),) if agent.spec.session.context.summaries != "off" else ()


def _untrusted_reload(_: ToolOwner) -> AnyTool:
    from duragent.tools.reload_tools import ReloadTools

    return ReloadTools(trusted=False)


def builtin_tools() -> tuple[AnyTool, ...]:
    """All that come with duragent, to be looked at. Imports every one of them."""
    from duragent.tools.memory import MemoryTool

    return (*map(_loaded, BUILTINS), MemoryTool())


def _named(
    agent: Agent, places: Places, make: Callable[[str], AnyTool], trusted: bool
) -> tuple[dict[str, AnyTool | None], list[str]]:
    """What agent.yaml names, in its order, and the faults. None is a broken one, whose name nothing else may take."""
    found: dict[str, AnyTool | None] = {}
    faults: list[str] = []
    for number, spec in enumerate(agent.spec.tools):
        try:
            if spec.name in found:
                raise ValueError(f"'{spec.name}' is there already; the first one is used")
            found[spec.name] = make(spec.name) if spec.type == "builtin" else _cli(spec, places, trusted)
        except (InvalidFile, ValueError) as error:
            found.setdefault(spec.name, None)
            faults.append(f"{places.agent_folder / FILE_NAME}: spec.tools[{number}]: {error}")
    return found, faults


# --- built-ins and plugins -------------------------------------------------------------------------------------------


def _builtin(name: str, *, owner: ToolOwner, factories: Factories) -> AnyTool:
    """The tool that an agent names: made by its factory, or one of ours, or of another package. Raises ValueError."""
    if name == MEMORY and owner.agent.spec.memory is None:
        raise ValueError("'memory' needs the block `spec.memory`, which may be empty: `memory: {}`")
    if name in factories:
        try:
            return factories[name](owner)
        except ImportError as error:
            raise ValueError(f"'{name}' cannot be loaded: {error}") from error
    if name in BUILTINS:
        return _loaded(name)
    if name == MEMORY:
        from duragent.tools.memory import MemoryTool

        return MemoryTool()
    if name in LATER:
        raise ValueError(f"'{name}' does not exist yet in this version")
    points = tuple(entry_points(group=ENTRY_POINTS, name=name))
    if not points:
        known = list(dict.fromkeys([*BUILTINS, *factories, *entry_points(group=ENTRY_POINTS).names]))
        near = _closest(name, known)
        hint = f"did you mean '{near}'?" if near else f"there are: {', '.join(known)}"
        raise ValueError(f"no tool is called {cut(repr(name))} ({hint})")
    if len(points) > 1:
        raise ValueError(f"several packages have a tool '{name}': {', '.join(each.value for each in points)}")
    return _plugin(points[0])


def _loaded(name: str) -> AnyTool:
    """One of ours. Raises ValueError when this installation lacks it, or something that it needs."""
    module, _, made_by = BUILTINS[name].partition(":")
    try:
        make = getattr(import_module(module), made_by)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"'{name}' cannot be loaded: {error}") from error
    tool: AnyTool = make()
    return tool


def _plugin(point: EntryPoint) -> AnyTool:
    """A tool of another package. Raises ValueError, whatever that package does."""
    try:
        made = point.load()
        tool = made() if callable(made) else made
        problem = _problem(tool, point.name)
    except (Exception, SystemExit) as error:
        raise ValueError(f"'{point.name}' of {point.value} cannot be loaded: {cut(repr(error))}") from error
    if problem:
        raise ValueError(f"'{point.name}' of {point.value} {problem}")
    return tool  # type: ignore[no-any-return]  # `_problem` has seen that it is one


def _problem(tool: Any, name: str) -> str | None:
    """Why this object cannot be the tool of that name."""
    if not isinstance(tool, Tool):
        return f"is not a Tool but {type(tool).__name__}"
    if tool.name != name or not NAME.fullmatch(name):
        return f"calls itself {tool.name!r}" if tool.name != name else f"has a name that {NAME_RULE}"
    if tool.kind not in KINDS or tool.effect not in get_args(EffectClass):
        return f"has the kind {tool.kind!r} and the effect {tool.effect!r}, of which one does not exist"
    json.dumps(tool.schema().model_dump())
    return None


# --- programs of agent.yaml ------------------------------------------------------------------------------------------


def _cli(spec: CliSpec, places: Places, trusted: bool) -> ProgramTool:
    """Raises InvalidFile, ValueError."""
    if not trusted:
        raise ValueError(f"'{spec.name}' is left out until this workspace is trusted")
    if not NAME.fullmatch(spec.name):
        raise ValueError(f"name: {cut(ascii(spec.name))} {NAME_RULE}")
    if spec.name in (READ_OUTPUT, SKILL, MEMORY):
        raise ValueError(_TAKEN)
    folder = places.agent_folder
    try:
        argv = argv_of_command(spec.command, folder)
    except ValueError as error:
        raise ValueError(f"command: {error}") from None
    readme = description_in(folder / spec.readme, folder) if spec.readme else ""
    described = "\n\n".join(text for text in ((spec.description or "").strip(), readme) if text)
    file = program_file(argv)
    schema = load_schema(_schema_beside(file), file.parent) if file else None
    return ProgramTool(Program(spec.name, argv, file.parent if file else folder, described, schema))


def _schema_beside(program: Path) -> Path:
    """`schema.json` beside a program called `run`, `fetch.py.schema.json` beside `fetch.py`."""
    return program.with_name(SCHEMA if program.name.partition(".")[0] == "run" else f"{program.name}.{SCHEMA}")


def _closest(name: str, known: Sequence[str]) -> str | None:
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name[:64].casefold(), folded, n=1, cutoff=_NEAR)
    return folded[near[0]] if near else None

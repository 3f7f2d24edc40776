"""What agents are equipped with: the rooms that bring sections and tools, and the bench on which calls work.

The server and the commands that need none take it from here, so that both see the same agent.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from duragent.agent.load import Agent
from duragent.config import Config, closed_to_agents
from duragent.context.sections import NO_SECTIONS, ContextFileSource, SectionSource, SourcedSections, sections_of
from duragent.errors import SandboxUnavailable
from duragent.process.spool import Spool
from duragent.session.session_reader import session_tools
from duragent.system.known_workspaces import hidden_everywhere
from duragent.tools.settings import WebSettings
from duragent.turn.temporary_folders import TemporaryFolders
from duragent.turn.workbench import LoadedAgent, Workbench

if TYPE_CHECKING:
    from duragent.memory.base import MemoryNote
    from duragent.mind.agent_memory import AgentMemory
    from duragent.remembering import Remembering
    from duragent.session.session_past import OwnSessions
    from duragent.tools.base import AnyTool, ToolOwner
    from duragent.tools.toolset import Factories

_log = logging.getLogger("duragent")


class KnownChanges(Protocol):
    """Who changed the files of a memory, as its mind knows it. Called in a thread."""

    def may_show(self, agent: Agent, file: str) -> bool:
        """Whether a model may be shown that file."""
        ...

    def own_since(self, agent: Agent, file: str, sha256: str) -> str | None:
        """Since when only the agent changed the file that is this now; see `PromptSection`."""
        ...


def section_sources(workspace: Path, changes: KnownChanges | None = None) -> tuple[SectionSource, ...]:
    """The rooms that have something to say in the system message."""
    return (ContextFileSource(workspace), LongTermMemory(changes))


@dataclass(frozen=True, slots=True)
class LongTermMemory:
    """MEMORY.md of agents that remember. For all others nothing is loaded."""

    changes: KnownChanges | None = None
    """None where no mind is open: then it is as a person left it."""

    def sections(self, agent: Agent, folder: Path) -> SourcedSections:
        if agent.spec.memory is None:
            return NO_SECTIONS
        from duragent.context.long_term import LongTermSource
        from duragent.memory.notes import LONG_TERM, text_sha256, without_comments

        changes = self.changes
        if changes is None:
            return LongTermSource(without_comments).sections(agent, folder)
        if not changes.may_show(agent, LONG_TERM):
            waits = "is not shown to the model: a command changed it, and no person has saved it since"
            return SourcedSections(faults=(f"{agent.folder / 'memory' / LONG_TERM}: {waits}",))
        source = LongTermSource(without_comments, lambda text: changes.own_since(agent, LONG_TERM, text_sha256(text)))
        return source.sections(agent, folder)


def notes_of(agent: Agent, world_dir: Path) -> "Sequence[MemoryNote]":
    """The notes of an agent and those of all agents, as they are now, file by file. Blocks."""
    spec = agent.spec.memory
    if spec is None:
        return ()
    from duragent.memory.folder import MemoryFolder
    from duragent.memory.zone import zone_of
    from duragent.stores.files.disk import Disk

    zone, disk = zone_of(spec.timezone), Disk()
    folders = (MemoryFolder(agent.folder / "memory", zone, disk), MemoryFolder(world_dir, zone, disk, is_world=True))
    return [note for folder in folders for note in folder.read_all().notes]


def past_tools(
    sessions: "Callable[[], OwnSessions]", memory: "Callable[[Agent], AgentMemory] | None" = None
) -> "Factories":
    """The factories of the tools about a session's past. `sessions` is called when a tool is made.

    `memory` gives that of an agent that has one; None: the past of other sessions is not looked for.
    """

    def history(owner: "ToolOwner") -> "AnyTool":
        from duragent.session.session_past import SessionPast
        from duragent.tools.history import HistoryOfSessions, HistoryTool

        own = SessionPast(sessions(), owner.session_id)
        if memory is None or owner.agent.spec.memory is None or not owner.session_id:
            return HistoryTool(own)
        from duragent.session.older_sessions import OlderSessions

        return HistoryOfSessions(own, OlderSessions(lambda: memory(owner.agent), sessions(), owner.session_id))

    def goals(owner: "ToolOwner") -> "AnyTool":
        from duragent.session.session_past import SessionGoals
        from duragent.tools.goals import GoalsTool

        return GoalsTool(SessionGoals(sessions(), owner.session_id))

    return {"history": history, "goals": goals}


def web_tool(settings: WebSettings) -> "Factories":
    """The factory of the tool `web`."""

    def web(_: "ToolOwner") -> "AnyTool":
        from duragent.tools.web.tool import WebTool

        return WebTool(settings)

    return {"web": web}


async def tell_where_commands_run(bench: Workbench) -> None:
    """Say in the log which sandbox holds, and what a person must know about it. The sandbox is tried for it."""
    try:
        await asyncio.to_thread(_tell_where_commands_run, bench)
    except (OSError, RuntimeError) as error:
        # No thread or descriptor is free; the first command tries again.
        _log.warning("where commands run is not known yet: %s", error)


def _tell_where_commands_run(bench: Workbench) -> None:
    try:
        sandbox = bench.try_sandbox()
    except SandboxUnavailable:
        # With `fallback: none` sessions are served all the same; the warning says that no command runs.
        pass
    else:
        _log.info("commands run in: %s", sandbox.name if sandbox.name != "trust" else "no sandbox, as you")
    if warning := bench.warning():
        _log.warning("%s", warning)


def make_workbench(
    config: Config,
    agents_dir: Path,
    spool: Spool,
    sessions: "Callable[[], OwnSessions]",
    remembering: "Remembering | None" = None,
) -> Workbench:
    """The bench of a server. `sessions` is called when an agent's tools are made."""
    workspace = config.workspace.resolve()
    memory: Factories = {}
    changes: KnownChanges | None = None
    if remembering:
        from duragent.remembering import MindChanges

        memory, changes = remembering.factories(), MindChanges(remembering)
    return Workbench(
        workspace=workspace,
        project=config.base.resolve(),
        frozen=_frozen(config, workspace, agents_dir.resolve()),
        closed=closed_to_agents(config),
        closed_of_others=hidden_everywhere,
        spool=spool,
        temporary=TemporaryFolders(workspace / "run" / "tmp"),
        sandbox=config.sandbox,
        factories={
            **session_tools(sessions),
            **past_tools(sessions, remembering.memory if remembering else None),
            **web_tool(_web_settings(config)),
            **memory,
        },
        sources=section_sources(workspace, changes),
    )


def _web_settings(config: Config) -> WebSettings:
    settings = config.file.web
    key = config.keys(os.environ).get("BRAVE_API_KEY", "")
    if settings.brave_api_key is None and key:
        return settings.model_copy(update={"brave_api_key": SecretStr(key)})
    return settings


def _frozen(config: Config, workspace: Path, agents_dir: Path) -> tuple[Path, ...]:
    """What agents may read and not write: the files that say how they behave."""
    base = config.base.resolve()
    config_file = (config.path or base / "duragent.yaml").resolve()
    if base != workspace:
        return (workspace, agents_dir, config_file)
    # The workspace is the project itself.
    inside = ("policy.yaml", "tools", "skills", "directives", "commands", "memory", "models", "shared")
    return (agents_dir, config_file, *(workspace / name for name in inside))


# --- without a server -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Equipment:
    """What an agent has besides its own file, as a turn would find it now."""

    folder: Path
    """Where it works; the folder may be missing."""
    loaded: LoadedAgent
    policy_faults: tuple[str, ...]
    """Sentences; with one of them the agent may do nothing."""

    @property
    def faults(self) -> tuple[str, ...]:
        """All that is wrong, the most serious first."""
        return tuple(dict.fromkeys((*self.policy_faults, *self.loaded.faults)))


def equip(agent: Agent, workspace: Path, project: Path) -> Equipment:
    """The agent's equipment. `project` is the folder that holds the workspace. Blocks on the disk, runs nothing."""
    from duragent.agent.context_files import working_folder
    from duragent.policy.files import load_policy
    from duragent.tools.base import Places, ToolOwner
    from duragent.tools.toolset import gather

    workspace, agent_folder = workspace.resolve(), agent.folder.resolve()
    folder = working_folder(agent, project)
    tools = gather(ToolOwner(agent, Places(folder, workspace, agent_folder)))
    sections = sections_of(section_sources(workspace), agent, folder)
    faults = tuple(fault for _, fault in load_policy(workspace, agent.folder).faults)
    return Equipment(folder, LoadedAgent(agent, tools, sections), faults)

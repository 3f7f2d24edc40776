"""What an agent's calls work with: its tools, its policy, where commands run, where their results rest."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from duragent.agent.load import Agent
from duragent.context.sections import NO_SECTIONS, SectionSource, SourcedSections, sections_of
from duragent.errors import SandboxUnavailable
from duragent.process.spool import Spool
from duragent.sandboxes.base import Command, Confinement, Sandbox
from duragent.sandboxes.settings import SandboxSettings
from duragent.system.known_workspaces import not_around
from duragent.turn.temporary_folders import TemporaryFolders

if TYPE_CHECKING:
    from duragent.policy.place import CommandPlace
    from duragent.policy.rules import Invocation
    from duragent.policy.tiers import Delivery, Policy
    from duragent.tools.base import Confine, Places
    from duragent.tools.toolset import Factories, Toolset

RUN_BY_OTHERS = (".git/hooks", ".git/config", ".git/config.worktree", ".git/commondir", ".git/info/attributes")
"""What git runs outside of any sandbox, when a person uses it in the working directory."""

SAFE_GIT = {
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "safe.bareRepository",
    "GIT_CONFIG_VALUE_0": "explicit",
    "GIT_CONFIG_KEY_1": "core.fsmonitor",
    "GIT_CONFIG_VALUE_1": "false",
}
"""For all commands: a folder that only looks like a repository must not say what git runs."""

NO_SANDBOX = (
    "No sandbox works here, so commands run as you. A person is asked before one writes, or reads outside the project."
)

NO_COMMANDS = "No sandbox works here, so no command runs (`sandbox.fallback: none`)."


@dataclass(frozen=True, slots=True)
class LoadedAgent:
    """An agent, and what it has besides its own file, as it was when it was loaded."""

    agent: Agent
    """The agent as its own file says."""
    tools: "Toolset"
    """What it can do."""
    sections: SourcedSections = NO_SECTIONS
    """What rooms say in the system message, besides the agent's own files."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Sentences for people about what is left out."""
        return (*self.tools.faults, *self.sections.faults)


@dataclass(frozen=True, slots=True)
class WorkPlace:
    """Where an agent works, for people."""

    folder: str
    sandbox: str
    """The name of what confines its commands; "" when what it requires does not work here."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """What calls work with. Made by the wiring, the same for all sessions."""

    workspace: Path
    """The folder `.duragent`, or what stands for it; symlinks resolved."""
    project: Path
    """The folder that holds the workspace."""
    closed: tuple[Path, ...]
    """Files and folders that no tool may touch."""
    frozen: tuple[Path, ...]
    """Files and folders that tools only read: what decides how agents behave."""
    spool: Spool
    """Where commands leave their results, so that they survive the server."""
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    """The `sandbox:` block of duragent.yaml."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    """The server's, of which commands get a part."""
    bubblewrap: str | None = None
    """Its program; None: the one that is installed, "": there is none."""
    factories: "Factories" = field(default_factory=dict)
    """Of the tools that rooms bring, and of those that take settings."""
    sources: tuple[SectionSource, ...] = ()
    """Of what rooms say in the system message."""
    closed_of_others: Callable[[], tuple[Path, ...]] = field(default=lambda: ())
    """What belongs to other workspaces of this user; read again for each command, because workspaces are added."""
    temporary: TemporaryFolders | None = None
    """What the commands of a session share as /tmp, where they run in bubblewrap; None: each has an empty one."""
    _chosen: dict[str | None, Sandbox] = field(default_factory=dict)
    """The sandboxes that were tried out, by what an agent requires; None is an agent that requires nothing."""
    _warned: dict[None, str] = field(default_factory=dict)
    """The warning that was worked out, once it was."""

    def sandbox_for(self, agent: Agent) -> Sandbox:
        """The sandbox that the agent, or else the configuration, wants. Raises SandboxUnavailable."""
        return self._choose(agent.spec.sandbox.require)

    def try_sandbox(self) -> Sandbox:
        """The one that holds where an agent wants nothing else; tried once. Raises SandboxUnavailable."""
        return self._choose(None)

    def _choose(self, require: Literal["bubblewrap", "docker"] | None) -> Sandbox:
        if require not in self._chosen:
            wanted = self.sandbox.model_copy(update={"require": require}) if require else self.sandbox
            from duragent.sandboxes.choose import choose

            self._chosen[require] = choose(wanted, self.environment, self.bubblewrap)
        return self._chosen[require]

    def warning(self, agent: Agent | None = None) -> str:
        """What a person must know about where commands run, and what to do about it; "" when a sandbox holds, or when
        a person chose to run without. May try out the sandbox, unless `try_sandbox` found one that works.
        """
        if agent is not None and agent.spec.sandbox.require:
            return ""
        if None not in self._warned:
            held = self._chosen.get(None)
            works = held is not None and held.name != "trust"
            why = "" if works else self._why_no_sandbox()
            self._warned[None] = f"{_what_then(self.sandbox)} Why: {why}" if why else ""
        return self._warned[None]

    def _why_no_sandbox(self) -> str:
        from duragent.sandboxes.choose import why_no_sandbox

        return why_no_sandbox(self.sandbox, self.environment, self.bubblewrap)

    def places(self, agent: Agent, private: tuple[Path, ...] = ()) -> "Places":
        """Where an agent's calls happen. `private`: what is closed to its session besides."""
        from duragent.agent.context_files import working_folder
        from duragent.tools.base import Places

        folder = working_folder(agent, self.project)
        agent_folder = agent.folder.resolve()
        return Places(
            folder=folder,
            workspace=self.workspace,
            agent_folder=agent_folder,
            roots=(agent_folder, self.workspace),
            closed=(*self._closed_to(folder), *private),
            frozen=(*self.frozen, agent_folder, *(folder / name for name in RUN_BY_OTHERS)),
        )

    def _closed_to(self, folder: Path) -> tuple[Path, ...]:
        others = not_around(not_around(self.closed_of_others(), folder), self.project)
        return tuple(dict.fromkeys((*self.closed, *others)))

    def confinement(self, agent: Agent, places: "Places") -> Confinement:
        """What an agent's commands may touch."""
        from duragent.sandboxes.choose import widen

        # Not `resolve`: a circle of links raises there.
        own = tuple(Path(os.path.realpath(places.folder / each)) for each in agent.spec.sandbox.writable)
        within = Confinement(
            writable=(places.folder, *own),
            read_only=places.frozen,
            hidden=places.closed,
            network=agent.spec.sandbox.network,
            readable=(self.project,),
        )
        return widen(within, self.sandbox)

    def place(self, agent: Agent) -> str:
        """Where the agent's commands run, for people. Raises SandboxUnavailable."""
        return self.sandbox_for(agent).describe(self.confinement(agent, self.places(agent)))

    def work_place(self, agent: Agent) -> WorkPlace:
        """Where the agent works. May try out the sandbox that it requires."""
        from duragent.agent.context_files import working_folder

        try:
            sandbox = self.sandbox_for(agent).name
        except SandboxUnavailable:
            sandbox = ""
        return WorkPlace(str(working_folder(agent, self.project)), sandbox)

    def confined(self, agent: Agent, places: "Places", session_id: str = "") -> "Confine":
        """How the agent's commands are made. The result raises SandboxUnavailable.

        `session_id`: whose /tmp they see; "" gives each an empty one.
        """
        from duragent.sandboxes.environment import clean_environment

        clean = clean_environment(self.environment, self.sandbox.pass_env) | SAFE_GIT
        limits = self.sandbox.limits.limits()

        def confine(
            argv: Sequence[str],
            *,
            folder: Path | None = None,
            env: Mapping[str, str] | None = None,
            stdin: bytes = b"",
        ) -> Command:
            bare = Command(tuple(argv), folder or places.folder, {**clean, **(env or {})}, stdin, limits)
            now = replace(places, closed=tuple(dict.fromkeys((*places.closed, *self._closed_to(places.folder)))))
            within, sandbox = self.confinement(agent, now), self.sandbox_for(agent)
            if self.temporary is not None and session_id and sandbox.name == "bubblewrap":
                within = replace(within, temporary=self.temporary.of(session_id))
            return sandbox.wrap(bare, within)

        return confine

    async def load(self, agent: Agent, session_id: str = "") -> LoadedAgent:
        """The agent with its tools for that session, and what rooms say in its system message, as they are now."""
        from duragent.tools.base import ToolOwner
        from duragent.tools.toolset import gather

        def load() -> LoadedAgent:
            places = self.places(agent)
            sections = sections_of(self.sources, agent, places.folder)
            return LoadedAgent(agent, gather(ToolOwner(agent, places, session_id), self.factories), sections)

        return await asyncio.to_thread(load)

    async def policy(self, agent: Agent, unasked: Iterable[str] = (), private: tuple[Path, ...] = ()) -> "Policy":
        """What the agent may do where its commands run, as its files say now. `unasked` is what its tools say.

        `private`: what is closed to its session besides.

        A file with a fault makes a policy that denies everything.
        """
        from duragent.policy.files import load_policy

        def load() -> "Policy":
            return replace(load_policy(self.workspace, agent.folder, unasked), place=self.command_place(agent, private))

        return await asyncio.to_thread(load)

    async def wants_notice(self, agent: Agent, invocation: "Invocation") -> bool:
        """Whether the agent's policy wants the end of this call told, as its files say now."""
        from duragent.policy.files import load_policy
        from duragent.policy.rules import notifications

        # Notices do not depend on where commands run: neither the sandbox nor other workspaces are looked at for them.
        return await asyncio.to_thread(
            lambda: bool(notifications(load_policy(self.workspace, agent.folder), invocation))
        )

    async def deliveries(self, agent: Agent) -> "Sequence[Delivery]":
        """Where the agent's policy wants notices of its calls, as its files say now."""
        from duragent.policy.files import load_policy
        from duragent.policy.rules import deliveries

        return await asyncio.to_thread(lambda: deliveries(load_policy(self.workspace, agent.folder)))

    def command_place(self, agent: Agent, private: tuple[Path, ...] = ()) -> "CommandPlace":
        """Where the agent's commands run, as far as its policy must know it. May try out the sandbox."""
        from duragent.policy.place import CommandPlace

        places = self.places(agent, private)
        try:
            confined = self.sandbox_for(agent).name != "trust"
        except SandboxUnavailable:
            confined = False  # then no command runs
        within = self.confinement(agent, places)
        return CommandPlace(
            folder=str(places.folder),
            roots=_real((places.folder, self.project, *places.roots, *within.writable)),
            closed=_real(within.hidden),
            home=_real([self.environment.get("HOME") or Path.home()])[0],
            confined=confined,
            chosen=(agent.spec.sandbox.require or self.sandbox.require or self.sandbox.mode) == "trust",
        )

    async def allow_always(self, agent: Agent, patterns: Sequence[str]) -> None:
        """Add to the agent's `policy.local.yaml`; what is there already is not added again. Raises InvalidFile."""
        from duragent.policy.files import allow_always

        await asyncio.to_thread(allow_always, agent.folder, patterns)


def _what_then(settings: SandboxSettings) -> str:
    return NO_COMMANDS if settings.fallback == "none" else NO_SANDBOX


def _real(paths: Iterable[Path | str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.realpath(path) for path in paths))

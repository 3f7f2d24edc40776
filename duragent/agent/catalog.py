"""All agents of a workspace by name. A broken agent affects no other one, and its last good version stays usable."""

import asyncio
import contextlib
import difflib
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from duragent.agent.folder_files import names_in
from duragent.agent.includes import NOT_INCLUDED, SHARED
from duragent.agent.load import FILE_NAME, Agent, load_agent
from duragent.agent.model_file import FOLDER as MODELS
from duragent.errors import AgentBroken, AgentNotFound, InvalidFile

POLL_SECONDS = 1.0
DEBOUNCE_SECONDS = 0.4
_WATCHED = {".yaml", ".md", ""}  # "" for folders that come, go and are renamed

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reloaded:
    """The result of one `Catalog.reload`."""

    loaded: int
    """How many agents were read without a fault."""
    broken: Mapping[str, str]
    """Folder name to the reason why the agent could not be read."""
    changed: tuple[str, ...]
    """Names of the agents that are new, removed or different, sorted."""


@dataclass(frozen=True)
class _Known:
    """Both mappings of one reload: replaced together, so that a reader never sees one without the other."""

    agents: Mapping[str, Agent]
    broken: Mapping[str, str]


class Catalog:
    """The agents below `agents_dir`. Reading is free; `reload` blocks on the disk and may run in a thread.

    `workspace` has `models/` and `shared/`, which agents use; None: the folder that holds `agents_dir`.
    """

    def __init__(self, agents_dir: Path, workspace: Path | None = None) -> None:
        self.agents_dir = agents_dir
        self.workspace = agents_dir.absolute().parent if workspace is None else workspace
        self._known = _Known(MappingProxyType({}), MappingProxyType({}))
        self._reloading = threading.Lock()

    @classmethod
    def open(cls, agents_dir: Path, workspace: Path | None = None) -> "Catalog":
        """The catalog of what is there now; a folder that is absent has no agents. Raises InvalidFile."""
        catalog = cls(agents_dir, workspace)
        catalog.reload()
        return catalog

    @property
    def agents(self) -> Mapping[str, Agent]:
        """The usable agents, sorted by name."""
        return self._known.agents

    @property
    def broken(self) -> Mapping[str, str]:
        """Folder name -> what is wrong with its files now, sorted; an older good version may still be in `agents`."""
        return self._known.broken

    def get(self, name: str) -> Agent:
        """The agent of that name, or the one that had it before. Raises AgentBroken, AgentNotFound."""
        known = self._known
        if name in known.agents:
            return known.agents[name]
        renamed = [agent for agent in known.agents.values() if name in agent.metadata.aliases]
        if len(renamed) == 1:
            return renamed[0]
        if name in known.broken:
            raise AgentBroken(name, known.broken[name])
        raise _not_found(name, tuple(known.agents))

    def reload(self) -> Reloaded:
        """Reads all files again. Raises InvalidFile when the folder itself cannot be read; then nothing has changed."""
        with self._reloading:
            before = self._known
            agents, broken, loaded = _read(self.agents_dir, self.workspace, before.agents)
            self._known = _Known(MappingProxyType(agents), MappingProxyType(broken))
        names = before.agents.keys() | agents.keys()
        changed = tuple(sorted(name for name in names if before.agents.get(name) != agents.get(name)))
        return Reloaded(loaded, self._known.broken, changed)

    async def watch(
        self,
        stop: asyncio.Event,
        on_reload: Callable[[Reloaded], None] | None = None,
        *,
        poll_seconds: float = POLL_SECONDS,
        debounce_seconds: float = DEBOUNCE_SECONDS,
    ) -> None:
        """Reload when a file changes, until `stop` is set. The folder may be absent, disappear and return.

        Calls `on_reload` when agents changed, became broken or were repaired. `debounce_seconds` joins the changes of
        one save; the existence of the folder is checked every `poll_seconds`.
        """
        while not stop.is_set():
            async for _ in self._changes(stop, poll_seconds, debounce_seconds):
                await self._reload_quietly(on_reload)
            # A folder is not there, or is another one than before: what was in it has gone.
            await self._reload_quietly(on_reload)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), poll_seconds)

    async def _changes(self, stop: asyncio.Event, poll_seconds: float, debounce_seconds: float) -> AsyncIterator[None]:
        """Yields once when the watch stands, then for each burst of changes; ends when a folder comes or goes."""
        from watchfiles import awatch

        folders = (self.agents_dir, self.workspace / MODELS, self.workspace / SHARED)
        identities = [_identity(folder) for folder in folders]
        if identities[0] is None:
            return
        there = [folder for folder, identity in zip(folders, identities, strict=True) if identity is not None]
        options: Any = {"debounce": int(debounce_seconds * 1000), "rust_timeout": int(poll_seconds * 1000)}
        first = True
        try:
            async with contextlib.aclosing(
                awatch(*there, stop_event=stop, watch_filter=self._matters, yield_on_timeout=True, **options)
            ) as bursts:
                async for changes in bursts:
                    if [_identity(folder) for folder in folders] != identities:
                        return
                    # What changed before the watch stood is not in any burst.
                    if changes or first:
                        yield
                    first = False
        except (OSError, RuntimeError) as error:
            # No such folder any more, or no watch or file descriptor is free, for which watchfiles has a RuntimeError:
            # then the caller's polling has to do.
            _log.debug("cannot watch %s: %s", self.agents_dir, error)

    def _matters(self, _change: object, path: str) -> bool:
        if _is_written_by_agents(path, str(self.agents_dir)):
            return False
        if os.path.splitext(path)[1] in _WATCHED:
            return True
        # A file that texts include may have any ending.
        real = Path(os.path.realpath(path))
        return any(real in agent.included for agent in self.agents.values())

    async def _reload_quietly(self, on_reload: Callable[[Reloaded], None] | None) -> None:
        broken_before = self.broken
        try:
            reloaded = await asyncio.to_thread(self.reload)
        except InvalidFile as error:
            # The last good agents stay: a folder that cannot be read for a moment is no reason to lose them.
            _log.warning("agents not reloaded: %s", error)
            return
        if on_reload is not None and (reloaded.changed or reloaded.broken != broken_before):
            on_reload(reloaded)


def _read(
    agents_dir: Path, workspace: Path, before: Mapping[str, Agent]
) -> tuple[dict[str, Agent], dict[str, str], int]:
    agents: dict[str, Agent] = {}
    broken: dict[str, str] = {}
    for folder in _folders(agents_dir):
        try:
            agents[folder.name] = load_agent(folder, workspace)
        except (InvalidFile, OSError) as error:
            broken[folder.name] = str(error)
    loaded = len(agents)
    agents |= {name: before[name] for name in broken if name in before}
    return dict(sorted(agents.items())), broken, loaded


def _folders(agents_dir: Path) -> list[Path]:
    folders = [agents_dir / name for name in names_in(agents_dir)]
    return [folder for folder in folders if os.path.lexists(folder / FILE_NAME)]


def _not_found(name: str, known: tuple[str, ...]) -> AgentNotFound:
    error = AgentNotFound(name, known)
    if near := difflib.get_close_matches(name.lower(), known, n=1):
        error.args = (f"{error}; did you mean '{near[0]}'?",)
    return error


def _is_written_by_agents(path: str, agents_dir: str) -> bool:
    """Whether it lies in an agent's memory, which changes with every note and is no part of what the agent is."""
    _, is_below, inner = path.partition(f"{agents_dir}{os.sep}")
    return bool(is_below) and inner.split(os.sep)[1:2] == [NOT_INCLUDED]


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino

"""The one wiring: the only file that knows every room, and that starts A before B.

lock → private folder with the token → store, agents → socket → HTTP → sessions go on → server.json
stop:  turns end within the grace → HTTP → server.json → private folder → lock
"""

import asyncio
import functools
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duragent import __version__, wire
from duragent.agent.catalog import Catalog, Reloaded
from duragent.client.address import url_here, url_of, workspace_hash
from duragent.clock import SystemClock
from duragent.config import Config, inactive_config
from duragent.equipment import make_workbench, notes_of, tell_where_commands_run
from duragent.errors import SandboxUnavailable, ServerStartFailed
from duragent.journal.record import timestamp
from duragent.models.base import Model, ModelChoice
from duragent.process.spool import Spool
from duragent.remembering import Remembering
from duragent.server.announce import Presence, announced, prepare_run_folder, stay_announced, take_presence
from duragent.server.app import build_app
from duragent.server.dependencies import AccessTokens, Dependencies
from duragent.server.ending import end_for_sure
from duragent.server.listen import listen_all
from duragent.server.log import log_to_stderr
from duragent.server.memory import hold_little, keep_what_is_loaded
from duragent.server.serve import HttpServer
from duragent.server.settings import ServerSettings, with_options
from duragent.session.sessions import Sessions
from duragent.session.tasks import HANG_SECONDS, TaskSet
from duragent.stores.files.disk import Disk
from duragent.stores.files.locks import SessionsLock, WorkspaceLock, refuse_network_file_system
from duragent.stores.files.room import Room
from duragent.stores.files.store import FileStore
from duragent.stores.files.threads import STUCK_SECONDS, Threads
from duragent.subscribers.base import Positions
from duragent.subscribers.notify import Notices
from duragent.system import descriptors
from duragent.system.keys import Keys
from duragent.system.known_workspaces import KnownWorkspace, remember
from duragent.system.os_errors import in_words
from duragent.system.private_folder import workspace_key
from duragent.system.workspace_folder import close_to_others, make_folders
from duragent.turn.ports import Ports, Spawn
from duragent.turn.workbench import Workbench

if TYPE_CHECKING:
    from duragent.models.choose import ModelChooser

GRACE_FOR_TURNS = 0.8
"""The part of the grace that turns get; the rest is for answers on their way out."""

EPHEMERAL_CHECK_SECONDS = 1.0
SETTLE_SECONDS = 0.5
"""Requests go first for so long after the start; other work follows then."""

_log = logging.getLogger("duragent")


@dataclass
class Runtime:
    """A workspace that is being served."""

    config: Config
    settings: ServerSettings
    """Those of `config`, with the options of the command line."""
    agents_dir: Path
    clock: SystemClock = field(default_factory=SystemClock)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server begins to stop."""
    model_for: Callable[[ModelChoice], Model] | None = None
    """The model of a choice; None: the real ones."""
    disk: Disk = field(default_factory=Disk)
    """The file operations of the store."""
    stuck_seconds: float = STUCK_SECONDS
    """After this long a call to the disk counts as hung, and another thread takes its place."""
    sessions: Sessions = field(init=False)
    """Set while the block of `open` runs, as the next two; they are for programs that embed a server."""
    catalog: Catalog = field(init=False)
    remembering: Remembering = field(init=False)
    url: str = ""
    """Where it listens; "" before `open`."""
    _room: Room = field(init=False)
    hangs: bool = False
    """A call to the disk did not return before the stop was over."""
    _work: TaskSet = field(default_factory=TaskSet)

    @functools.cached_property
    def _keys(self) -> Keys:
        return self.config.keys(os.environ)

    @functools.cached_property
    def _models(self) -> "ModelChooser":
        from duragent.models.choose import ModelChooser

        return ModelChooser(self.clock, self._keys)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Runtime"]:
        """Serve while the block runs. Raises WorkspaceLocked, UnsafeFileSystem, ServerStartFailed.

        A workspace on a disk that takes nothing is served for reading, and goes on when the disk does.
        """
        workspace = self.config.workspace
        with _needed(workspace):
            make_folders(workspace.parent)
            workspace.mkdir(mode=0o700, exist_ok=True)
        self._refuse_network(workspace)
        lock = WorkspaceLock(workspace / ".lock")
        with _needed(workspace):
            lock.acquire(self._note("starting"))
        try:
            async with self._serving(workspace, lock):
                yield self
        finally:
            if not self.hangs:
                lock.release()

    def _refuse_network(self, folder: Path) -> None:
        if not self.config.store.allow_network_fs:
            refuse_network_file_system(folder)

    @asynccontextmanager
    async def _stored(self, workspace: Path) -> AsyncIterator[FileStore]:
        """The store, whose folder is locked too: another workspace may name the same one."""
        folder = self.config.sessions_dir
        self._refuse_network(folder)
        lock = SessionsLock(folder, workspace, self._note(f"for the workspace {workspace}"))
        threads = Threads(stuck_seconds=self.stuck_seconds)
        store = FileStore(folder, disk=self.disk, open_logs=descriptors.for_logs, lock=lock, threads=threads)
        try:
            await asyncio.to_thread(store.open)
            yield store
        finally:
            if store.close(HANG_SECONDS):
                lock.release()
            else:
                # What is still under way may write: the kernel lets go of the locks when this process is gone.
                self.hangs = True
                _log.warning("calls to the disk have not returned; what they write was not acknowledged")

    @asynccontextmanager
    async def _serving(self, workspace: Path, lock: WorkspaceLock) -> AsyncIterator[None]:
        _keep_others_out(self.config)
        prepare_run_folder(workspace)
        presence = await asyncio.to_thread(take_presence, workspace, self.settings.api_token)
        try:
            await asyncio.to_thread(_hide_from_others, self.config)
            async with self._stored(workspace) as store, self._answering(store, lock, presence):
                yield
        finally:
            presence.close()

    @asynccontextmanager
    async def _answering(self, store: FileStore, lock: WorkspaceLock, presence: Presence) -> AsyncIterator[None]:
        workspace = self.config.workspace
        self.catalog = await asyncio.to_thread(Catalog.open, self.agents_dir, workspace)
        self._room = Room(self.config.sessions_dir)
        listeners = listen_all(self.settings, presence.socket_path)
        port = listeners[0].getsockname()[1]
        self.url = url_of(self.settings.host, port)
        lock.describe(self._note(self.url))
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._keys.get("DURAGENT_DEMO_SPEED"):
                    self._models.model_for(ModelChoice("demo", "demo"))  # a fault in it ends the start
                self.remembering = self._remembering(store, self._spawn(tasks))
                bench = await self._workbench()
                self.sessions = Sessions(self._ports(store, tasks, bench))
                dependencies = self._server_dependencies(presence, bench)
                async with HttpServer(build_app(dependencies), listeners, dependencies.stop) as http:
                    address = self._address(port)
                    housekeeping = [
                        tasks.create_task(self.sessions.run()),
                        tasks.create_task(stay_announced(workspace, presence, address)),
                        tasks.create_task(self._settle(bench)),
                    ]
                    with announced(workspace, presence, address):
                        yield
                        self.stop.set()
                        grace = self.settings.shutdown_grace_seconds
                        await self.sessions.close(grace * GRACE_FOR_TURNS)
                        await http.stop(grace * (1 - GRACE_FOR_TURNS) / 2)
                for task in housekeeping:
                    task.cancel()
                await self.remembering.close()
                await self._work.end(HANG_SECONDS)
                if "_models" in self.__dict__:
                    await self._models.close()
        finally:
            for listener in listeners:
                listener.close()

    def _address(self, port: int) -> wire.ServerAddress:
        return wire.ServerAddress(
            url=url_here(self.settings.host, port),
            host=self.settings.host,
            port=port,
            pid=os.getpid(),
            started_at=timestamp(self.clock.now()),
            version=__version__,
            workspace_hash=workspace_hash(self.config.workspace),
        )

    # --- the seams --------------------------------------------------------------------------------------------------

    async def _workbench(self) -> Workbench:
        spool = await Spool.open(self.config.workspace.resolve() / "run" / "spool")
        bench = make_workbench(self.config, self.agents_dir, spool, lambda: self.sessions, self.remembering)
        if self.config.sandbox.wanted != "auto":
            try:
                await asyncio.to_thread(bench.try_sandbox)
            except SandboxUnavailable as error:
                raise ServerStartFailed(str(error)) from error
        return bench

    async def _settle(self, bench: Workbench) -> None:
        """Try the sandbox, which the first command waits for otherwise, and keep up with the agents' files."""
        await self.clock.sleep(SETTLE_SECONDS)
        await tell_where_commands_run(bench)
        await self.catalog.watch(self.stop, self._on_reload)

    def _remembering(self, store: FileStore, spawn: Spawn) -> Remembering:
        return Remembering(self.config, store, self.catalog, self.clock, self._node, spawn, lambda: self.sessions)

    @functools.cached_property
    def _node(self) -> str:
        return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

    def _spawn(self, tasks: asyncio.TaskGroup) -> Spawn:
        return lambda work: self._work.add(tasks.create_task(_guarded(work)))

    def _ports(self, store: FileStore, tasks: asyncio.TaskGroup, bench: Workbench) -> Ports:
        positions = Positions(self.config.workspace / "run" / "listeners" / "notices")
        notices = Notices(positions, lambda agent: bench.deliveries(self.catalog.get(agent)))
        return Ports(
            store=store,
            clock=self.clock,
            node=self._node,
            agents=self.catalog,
            model_for=self.model_for or (lambda choice: self._models.model_for(choice)),
            settings=self.config.sessions,
            spawn=self._spawn(tasks),
            workbench=bench,
            idle_timeout_seconds=self.settings.idle_timeout_seconds,
            listeners=(notices, self.remembering),
            notices=notices,
            memories=self.remembering,
            summary_budget=self.remembering.summary_budget,
            watched_notes=self.remembering.watched_notes,
        )

    def _server_dependencies(self, presence: Presence, bench: Workbench) -> Dependencies:
        return Dependencies(
            sessions=self.sessions,
            catalog=self.catalog,
            settings=self.settings,
            clock=self.clock,
            tokens=AccessTokens(presence.token, self.settings.admin_token),
            keys=self._keys,
            warm=lambda choice: self._models.warm(choice),
            proof_key=presence.key,
            workspace_hash=workspace_hash(self.config.workspace),
            version=wire.Version(version=__version__, commit="unknown", build_date="unknown", variant="full"),
            shutdown=self.begin_stop,
            reload_agents=self._reload_agents,
            trouble=self._trouble,
            warning=bench.warning,
            work_place=bench.work_place,
            notes=lambda agent: notes_of(agent, self.config.world_dir),
            memories=self.remembering.served(),
        )

    async def _trouble(self) -> str | None:
        return self.sessions.trouble() or await self._room.problem()

    async def _reload_agents(self) -> Reloaded:
        return await asyncio.to_thread(self.catalog.reload)

    def _on_reload(self, reloaded: Reloaded) -> None:
        if reloaded.changed:
            _log.info("agents changed: %s", ", ".join(reloaded.changed))
        for name, reason in reloaded.broken.items():
            _log.warning("agent %s: %s", name, reason)

    # --- stop -------------------------------------------------------------------------------------------------------

    def begin_stop(self) -> bool:
        """Begin to stop; False when that is under way."""
        if self.stop.is_set():
            return False
        self.stop.set()
        return True

    async def stop_when_unused(self, seconds: float) -> None:
        """For a server that a client has started: stop when it was unused for that time (no turn ran, no watcher)."""
        used = self.clock.monotonic()
        while not self.stop.is_set():
            await self.clock.sleep(min(EPHEMERAL_CHECK_SECONDS, seconds))
            if self.sessions.running:
                used = self.clock.monotonic()
            elif self.clock.monotonic() - used >= seconds:
                _log.info("nobody used the server for %g s", seconds)
                self.begin_stop()

    def _note(self, where: str) -> str:
        return f"process {os.getpid()} on {socket.gethostname()} since {timestamp(self.clock.now())}, {where}"


async def serve(
    config: Config,
    *,
    host: str | None = None,
    port: int | None = None,
    agents_dir: Path | None = None,
    ephemeral_seconds: float | None = None,
) -> None:
    """Serve a workspace until SIGTERM, SIGINT or a shutdown request; a second signal does not wait for turns."""
    settings = with_options(config.server, host, port)
    runtime = Runtime(config, settings, agents_dir or config.agents_dir)
    log_to_stderr()
    descriptors.raise_limit()
    hold_little()
    # Before a client can find this server: a signal during the start also ends it in order.
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, _on_signal, runtime)
    ending = asyncio.create_task(end_for_sure(runtime.stop, settings.shutdown_grace_seconds))
    async with runtime.open():
        keep_what_is_loaded()
        _log.info("serving %s on %s", config.workspace, runtime.url)
        _log_agents(runtime.catalog)
        if unused_keys := inactive_config(config):
            _log.warning("set in %s, but not active in this version: %s", config.path, ", ".join(unused_keys))
        unused = asyncio.create_task(runtime.stop_when_unused(ephemeral_seconds)) if ephemeral_seconds else None
        await runtime.stop.wait()
        if unused is not None:
            unused.cancel()
        _log.info("stopping; what is not done within %g s goes on at the next start", settings.shutdown_grace_seconds)
    ending.cancel()
    _log.info("stopped")


@contextmanager
def _needed(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServerStartFailed(f"the workspace {folder} cannot be used: {in_words(error)}") from error


def _on_signal(runtime: Runtime) -> None:
    if not runtime.begin_stop():
        _log.warning("second signal: not waiting for turns")
        os._exit(130)


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """A fault in one session must not end the others."""
    try:
        await work
    except Exception:
        _log.exception("a task ended in an unexpected way")


def _keep_others_out(config: Config) -> None:
    """Close the workspace and the sessions to other users of the machine; a project is not ours to close."""
    folders = [config.sessions_dir]
    if not config.base.resolve().is_relative_to(config.workspace.resolve()):
        folders.insert(0, config.workspace)
    for folder in folders:
        mode = close_to_others(folder)
        if mode is not None:
            _log.warning("%s was open to other users (mode %o): now only its owner can enter it", folder, mode)


def _hide_from_others(config: Config) -> None:
    """From now on the commands of other workspaces see neither the conversations of this one nor its `run` folder."""
    workspace = config.workspace.resolve()
    known = KnownWorkspace(
        workspace=str(workspace), hidden=(str(workspace / "run"), str(config.sessions_dir.resolve()))
    )
    if not remember(workspace_key(workspace_hash(workspace)), known):
        _log.warning("commands of other workspaces may read what is said here: no private folder can be written")


def _log_agents(catalog: Catalog) -> None:
    _log.info("agents: %s", ", ".join(catalog.agents) or "none yet")
    for name, reason in catalog.broken.items():
        _log.warning("agent %s: %s", name, reason)

"""Where commands leave their results, so that they outlive the server that started them.

Exactly one runner can claim a call's folder (`runner.json` is created once, before the command executes). So it does
no harm to spawn one too many after a crash, and what was never claimed can be voided: then it surely never ran.
"""

import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from duragent.clock import ULID, SystemClock
from duragent.crashpoint import crashpoint
from duragent.errors import InvalidRequest, RunnerLost, Unavailable
from duragent.process import folder as files
from duragent.process import process_table, runner
from duragent.process.base import CallEvidence, Commands, Finished
from duragent.process.exit_watch import ExitWatch
from duragent.process.folder import CommandEvidence, RunnerClaim, Tail
from duragent.sandboxes.base import Command
from duragent.shield import shielded
from duragent.system.os_errors import in_words
from duragent.system.safe_read import OddFile, open_file, read_file

FIRST_POLL_SECONDS, LAST_POLL_SECONDS = 0.02, 0.2
MARGIN_SECONDS = 20.0
"""A runner that has not ended so many seconds after its deadline is stuck."""
END_SECONDS = runner.TERM_SECONDS + runner.KILL_SECONDS + runner.PIPE_SECONDS + 2.0
_log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
_SPAWNS = 3
_ID = re.compile("[a-z0-9][A-Za-z0-9_-]{0,63}")
"""As `stores.base.STREAM_ID`: capital letters only because duragent-rust wrote its ULIDs so."""
_ID_MAX_BYTES = 1 << 10
_LIBRARIES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""The only variables that a runner gets: where the interpreter's libraries are. No key, no token."""


class Spool:
    """The results of all commands of a workspace."""

    def __init__(self, root: Path, spool_id: str, program: Path = Path(runner.__file__)) -> None:
        """Use `open`. `program` runs the commands."""
        self.id = spool_id
        """It knows nothing of a call that was started with another id. "" until it is `ready`."""
        self._root, self._program = root, program
        self._starting: dict[str, asyncio.Task[int]] = {}
        self._runners: dict[int, subprocess.Popen[bytes]] = {}

    @classmethod
    async def open(cls, root: Path, program: Path = Path(runner.__file__)) -> "Spool":
        """The spool in this folder, made when it is missing. When the disk refuses that now, `ready` tries again."""
        spool = cls(Path(await asyncio.to_thread(os.path.realpath, root)), "", program)
        try:
            await spool.ready()
        except Unavailable as error:
            _log.warning("no commands for now: %s", error)
        return spool

    async def ready(self) -> None:
        """Return when it is there and has its id. Raises Unavailable."""
        if not self.id:
            self.id = await _blocking(_spool_id, self._root)

    def commands(self, session_id: str, call: str, show: Callable[[str], None] = lambda _: None) -> Commands:
        """The commands of one call. `show` gets the output as it comes, decoded; of much output only a part."""
        return _CallCommands(self, _name(session_id, call), show)

    async def evidence(self, session_id: str, call: str, spool_id: str) -> CallEvidence:
        """What is known of a call that was started when the spool had this id. Raises Unavailable.

        `never_started` is final: a late runner of a dead server does not start it any more.
        """
        name = _name(session_id, call)
        await self.ready()
        if spool_id != self.id:
            return "unknown"
        seen = await self.seen(name)
        if seen.stage == "made":
            voided = await _blocking(files.void, self._root / name)
            seen = CommandEvidence("voided") if voided else await self.seen(name)
        match seen.stage:
            case "absent" if await _blocking(_id_in, self._root) != self.id:
                # The whole folder was removed while we were running.
                return "unknown"
            case "absent" | "voided":
                return "never_started"
            case "running":
                return "running"
            case "ended":
                return "finished"
            case _:
                return "unknown"

    async def forget(self, session_id: str, call: str) -> None:
        """Remove the result, which is durable elsewhere or not needed any more, and end what still runs.

        Afterwards `run` starts the call again. Raises Unavailable.
        """
        await self._forget(_name(session_id, call))

    async def sweep(self, known: Callable[[str, str], bool]) -> int:
        """Forget each call for which `known(session_id, call)` is False. Returns how many. Raises Unavailable."""
        count = 0
        await self.ready()
        for name in await _blocking(os.listdir, self._root):
            if name.startswith(".") and name.removeprefix(".new.").rpartition(".")[0] not in self._starting:
                await _blocking(shutil.rmtree, self._root / name, ignore_errors=True)
            session_id, dot, call = name.partition(".")
            if dot and _ID.fullmatch(session_id) and _ID.fullmatch(call) and not known(session_id, call):
                await self._forget(name)
                count += 1
        return count

    async def _forget(self, name: str) -> None:
        await _CallCommands(self, name, lambda _: None).end()
        await _blocking(files.remove, self._root / name)
        crashpoint("spool.forgotten")

    # --- for the commands of a call ---------------------------------------------------------------------------------

    def folder(self, name: str) -> Path:
        return self._root / name

    async def seen(self, name: str) -> CommandEvidence:
        """How far it has come, after a start that is under way in this process is over."""
        if task := self._starting.get(name):
            await asyncio.wait((task,))
        for _ in range(50):
            seen = await _blocking(files.look, self._root / name)
            if seen.stage != "claimed":
                return seen
            await asyncio.sleep(FIRST_POLL_SECONDS)
        return CommandEvidence("lost")

    async def begin(self, name: str, command: Command | None, timeout_seconds: float) -> int:
        """Make sure that it runs, unless it has ended. Returns the pid of a runner that was spawned now, or 0.

        Without a command, only a call whose folder exists is started. The start goes on when the waiting task is
        cancelled, so that `end` has something to end.
        """
        task = self._starting.get(name)
        if task is None:
            task = asyncio.create_task(_blocking(self._begin, name, command, timeout_seconds))
            self._starting[name] = task
            task.add_done_callback(lambda _: self._starting.pop(name))
        return await shielded(task)

    def _begin(self, name: str, command: Command | None, timeout_seconds: float) -> int:
        folder = self._root / name
        stage = files.look(folder).stage
        if stage == "voided" and command:
            files.remove(folder)
            stage = "absent"
        if stage == "absent" and command:
            files.make(folder, command, timeout_seconds)
            stage = "made"
            crashpoint("spool.made")
        if stage != "made":
            return 0
        pid = self._spawn(folder)
        crashpoint("spool.spawned")
        return pid

    def _spawn(self, folder: Path) -> int:
        for pid, process in tuple(self._runners.items()):
            if process.poll() is not None:
                self._runners.pop(pid, None)
        argv = [sys.executable, "-I", "-S", "-B", "-X", "utf8", os.path.abspath(self._program), os.fspath(folder)]
        env = {name: os.environ[name] for name in _LIBRARIES if name in os.environ}
        log = open_file(folder / "runner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            process = subprocess.Popen(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                close_fds=True,
                start_new_session=True,
            )
        finally:
            os.close(log)
        self._runners[process.pid] = process
        return process.pid


class _CallCommands:
    """`Commands` of one call; any number of objects may work for the same call."""

    def __init__(self, spool: Spool, name: str, show: Callable[[str], None]) -> None:
        self._spool, self._name, self._show = spool, name, show
        self._folder = spool.folder(name)

    async def run(self, command: Command, *, timeout_seconds: float) -> Finished:
        """See `Commands`. Raises RunnerLost when it was started and how it ended cannot be known, Unavailable when it
        could not be started."""
        try:
            async with asyncio.timeout(timeout_seconds + MARGIN_SECONDS):
                return await self._run(command, timeout_seconds)
        except TimeoutError:
            await self.end()
            return await self._result(await self._spool.seen(self._name))

    async def _run(self, command: Command, timeout_seconds: float) -> Finished:
        tails = (Tail(self._folder, "stdout"), Tail(self._folder, "stderr"))
        for attempt in range(_SPAWNS):
            # The second time only the runner is spawned again: a call that was forgotten meanwhile must not run again.
            pid = await self._spool.begin(self._name, None if attempt else command, timeout_seconds)
            try:
                seen = await self._to_the_end(pid, tails)
            except Unavailable as error:
                raise RunnerLost(f"how the command ended cannot be read: {error}; it may have run") from error
            if seen.stage != "made":
                return await self._result(seen)
        raise Unavailable(f"the command could not be started: {await _blocking(_complaint, self._folder)}")

    async def _to_the_end(self, pid: int, tails: tuple[Tail, Tail]) -> CommandEvidence:
        """Follow the runner until it is gone, ours or an earlier one. Returns how far the command has come then."""
        if pid:
            await self._follow(ExitWatch(pid, None, ours=True), tails)
        seen = await self._spool.seen(self._name)
        if seen.stage == "running" and seen.claim:
            await self._follow(ExitWatch(seen.claim.pid, seen.claim.started), tails)
            seen = await self._spool.seen(self._name)
        if seen.stage != "made":
            for tail in tails:
                self._tell(await _blocking(tail.rest))
        return seen

    async def _result(self, seen: CommandEvidence) -> Finished:
        if seen.finished:
            return seen.finished
        if seen.claim:
            await _blocking(files.kill_survivors, seen.claim)
        if seen.stage in ("absent", "voided"):
            raise RunnerLost("the call was given up while its command was waited for; it may have run")
        raise RunnerLost("the command was started, but its runner is gone and left no result; it may have run")

    async def _follow(self, gone: ExitWatch, tails: tuple[Tail, Tail]) -> None:
        """Show what it prints until it ends."""
        pause = FIRST_POLL_SECONDS
        with gone:
            while not await gone.wait(pause):
                texts = [await _blocking(tail.read) for tail in tails]
                for text in texts:
                    self._tell(text)
                pause = FIRST_POLL_SECONDS if any(texts) else min(pause * 1.5, LAST_POLL_SECONDS)

    def _tell(self, text: str) -> None:
        if text:
            self._show(text)

    async def end(self) -> None:
        """See `Commands`. Raises Unavailable."""
        seen = await self._spool.seen(self._name)
        if seen.stage == "made" and not await _blocking(files.void, self._folder, cancelled=True):
            seen = await self._spool.seen(self._name)
        if seen.stage == "running" and seen.claim:
            await self._stop(seen.claim)
        elif seen.stage == "lost" and seen.claim:
            await _blocking(files.kill_survivors, seen.claim)

    async def _stop(self, claim: RunnerClaim) -> None:
        with ExitWatch(claim.pid, claim.started) as gone:
            # The runner may have been stopped (SIGSTOP), and only a running one can end others.
            for number in (signal.SIGTERM, signal.SIGCONT):
                if not await gone.wait(0):
                    process_table.send(claim.pid, number)
            if await gone.wait(END_SECONDS):
                return
            process_table.send(claim.pid, signal.SIGKILL)
            await gone.wait(1.0)
        await _blocking(files.kill_survivors, claim)


async def _blocking(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The call in a thread; Unavailable when the disk fails."""
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except OSError as error:
        raise _unavailable(error) from error


def _unavailable(error: OSError) -> Unavailable:
    where = f"{error.filename}: " if error.filename else ""
    return Unavailable(f"the place of the commands' results cannot be used: {where}{in_words(error)}")


def _name(session_id: str, call: str) -> str:
    for each in (session_id, call):
        if not _ID.fullmatch(each):
            raise InvalidRequest(f"'{each[:80]}' is no id")
    return f"{session_id}.{call}"


def _complaint(folder: Path) -> str:
    """The last line that a runner wrote, such as the error that ended it."""
    with contextlib.suppress(OSError):
        text = read_file(folder / "runner.log", files.READ_MAX_BYTES).decode(errors="replace")
        lines = text.strip().splitlines()
        return lines[-1] if lines else "its runner ended at once"
    return "its folder is gone"


def _id_in(root: Path) -> str:
    """The id in the file `id`; "" when there is none."""
    with contextlib.suppress(FileNotFoundError, OddFile):
        spool_id = read_file(root / "id", _ID_MAX_BYTES).decode(errors="replace").strip()
        if spool_id.startswith("spool_") and ULID.fullmatch(spool_id.removeprefix("spool_")):
            return spool_id
    return ""


def _spool_id(root: Path) -> str:
    """The id in the file `id`; the first caller makes it, durably."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if found := _id_in(root):
        return found
    made = SystemClock().new_id("spool")
    new = root / ".id.new"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        os.write(fd, f"{made}\n".encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(new, root / "id")
    crashpoint("spool.id_given")
    for each in (root, root.parent, root.parent.parent):
        files.sync_folder(each)
    return made

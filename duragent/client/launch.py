"""Start a server for a workspace in the background, and find it again after it died."""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from duragent.client.address import Endpoint, TokenSource, read_address
from duragent.client.find import find_server
from duragent.client.server_process import is_gone
from duragent.errors import ServerStartFailed, ServerUnreachable, SessionsLocked, WorkspaceLocked
from duragent.system.os_errors import in_words
from duragent.system.workspace_folder import make_folders

START_SECONDS = 15.0
DEAD_SECONDS = 1.0
"""So long a server may be unreachable before we look whether it is dead."""

EXIT_WORKSPACE_LOCKED = 73
_POLL_FIRST, _POLL_LIMIT = 0.02, 0.25
_LOG_LINES_SHOWN = 8
_MAX_TAIL_BYTES = 16 << 10


async def launch(workspace: Path, arguments: Sequence[str]) -> Endpoint:
    """Runs `duragent serve <arguments>` in a session of its own and returns when it is ready.

    When another server wins the race for the workspace, that one is returned. Raises ServerStartFailed.
    """
    log, descriptor = _open_log(workspace)
    try:
        log_start = os.fstat(descriptor).st_size
        # -P: nothing is imported from the folder that we happen to stand in; it may be anybody's.
        command = [sys.executable, "-P", "-m", "duragent", "serve", *arguments]
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            command, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, start_new_session=True
        )
    finally:
        os.close(descriptor)
    # Without this it would stay a zombie, which looks alive, for as long as we run.
    threading.Thread(target=process.wait, name="server", daemon=True).start()
    return await _ready(process, workspace, log, log_start)


def _open_log(workspace: Path) -> tuple[Path, int]:
    """`logs/server.log`, else (a full or read-only disk is still served for reading) a file in the temporary folder.

    Raises ServerStartFailed.
    """
    log = workspace / "logs" / "server.log"
    try:
        make_folders(log.parent)
        # A named pipe that has no reader would block us for ever; a link, to a place for logs, is the user's choice.
        return log, os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if not workspace.is_dir() or isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            raise ServerStartFailed(f"the server's log {log} cannot be written: {in_words(error)}") from error
    try:
        descriptor, name = tempfile.mkstemp(prefix="duragent-server-", suffix=".log")
    except OSError as error:
        raise ServerStartFailed(f"the server's log cannot be written: {in_words(error)}") from error
    return Path(name), descriptor


async def _ready(process: subprocess.Popen[bytes], workspace: Path, log: Path, log_start: int) -> Endpoint:
    deadline = time.monotonic() + START_SECONDS
    pause, why = _POLL_FIRST, "it did not say where it listens"
    while time.monotonic() < deadline:
        code = process.poll()
        held_elsewhere = code == EXIT_WORKSPACE_LOCKED and SessionsLocked.CLAUSE in _tail(log, log_start)
        if held_elsewhere or code not in (None, EXIT_WORKSPACE_LOCKED):
            raise ServerStartFailed(f"the server ended with exit code {code}:\n{_tail(log, log_start)}")
        address = read_address(workspace)
        if address is not None and (code == EXIT_WORKSPACE_LOCKED or address.pid == process.pid):
            try:
                return await find_server(workspace)
            except ServerUnreachable as error:
                why = error.reason
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _POLL_LIMIT)
    if process.poll() == EXIT_WORKSPACE_LOCKED:
        raise WorkspaceLocked(str(workspace), f"a server that does not answer ({why})")
    raise ServerStartFailed(f"the server was not ready after {START_SECONDS:.0f} s ({why}); its log is {log}")


class LocalServer:
    """A workspace's server as a `Locate`: it is started when there is something to send, and again when it was killed.

    `arguments` None: never start one. `said`: gets a sentence for people when a server was started.
    """

    def __init__(
        self,
        workspace: Path,
        arguments: Callable[[], Sequence[str]] | None,
        said: Callable[[str], None],
        tokens: TokenSource | None = None,
    ) -> None:
        self.said = said
        self._workspace = workspace
        self._tokens = tokens or TokenSource()
        self._arguments = arguments
        self._started = False
        self._missing_since: float | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, *, wanted: bool) -> Endpoint:
        async with self._turn:
            try:
                endpoint = await find_server(self._workspace, self._tokens)
            except ServerUnreachable:
                if self._arguments is None or not self._may_start(wanted):
                    raise
                endpoint = await self._start(self._arguments)
            self._missing_since = None
            self._started = True
            return endpoint

    def _may_start(self, wanted: bool) -> bool:
        """A server that was stopped properly stays so until it is wanted; one that was killed is missed."""
        now = time.monotonic()
        self._missing_since = self._missing_since or now
        address = read_address(self._workspace)
        if address is None:
            return wanted
        if not is_gone(address.pid, address.started_at):
            return False
        return not self._started or now - self._missing_since >= DEAD_SECONDS

    async def _start(self, arguments: Callable[[], Sequence[str]]) -> Endpoint:
        again = self._started
        await launch(self._workspace, arguments())
        endpoint = await find_server(self._workspace, self._tokens)
        where = endpoint.url.partition("//")[2]
        if again:
            self.said(f"The server was gone: started it again on {where}.")
        else:
            self.said(f"Started a server on {where} (stop it with `duragent serve stop`).")
        return endpoint


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(max(start, file.seek(0, os.SEEK_END) - _MAX_TAIL_BYTES))
        lines = file.read(_MAX_TAIL_BYTES).decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-_LOG_LINES_SHOWN:]) or f"it said nothing; its log is {log}"

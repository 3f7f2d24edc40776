"""Programs that a benchmark measures, each in a process of its own: servers, and what they are compared with."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from duragent.client.address import read_announcement
from tests.benchmarks.logs import LogMaker, write_index
from tests.benchmarks.wire import Address, Wire, answers
from tests.support.real_server import RealServer, make_workspace
from tests.support.until import until_sync

START_SECONDS = 60.0
SHORT_RECORDS = 12
KEY = "of-the-stub"
"""Any key will do."""


@contextmanager
def child(module: str, *arguments: str) -> Iterator[Address]:
    """A program of this package that serves; it prints its port when it is ready, and is killed at the end."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            yield Address(int(_first_line(process)), pid=process.pid)
        finally:
            process.kill()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else b""
    if not line:
        raise RuntimeError(f"{process.args!r} did not start")
    return line


@dataclass(frozen=True)
class Started:
    """A server, and how long it took from its spawn to the first 200."""

    pid: int
    milliseconds: float


@contextmanager
def spawned(command: Sequence[str], address: Address, log: Path) -> Iterator[Started]:
    """A server that answers; it is killed at the end."""
    began = time.perf_counter()
    with (
        log.open("ab") as file,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file) as process,
    ):
        try:
            until_sync(
                lambda: answers(address, "/livez") or process.poll() is not None, bound=START_SECONDS, pause=0.001
            )
            if process.poll() is not None:
                raise RuntimeError(f"{command} did not start:\n{log.read_text()}")
            yield Started(process.pid, (time.perf_counter() - began) * 1000)
        finally:
            process.kill()


def raw_app(port: int) -> list[str]:
    """The smallest server on uvicorn."""
    return [sys.executable, "-m", "tests.benchmarks.raw_app", str(port)]


def duragent(workspace: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "duragent", "serve", "--workspace", str(workspace), "--port", str(port)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# --- duragent's own server ------------------------------------------------------------------------------------------


def workspace_for(folder: Path, *, provider_port: int | None = None, more: str = "", **config: object) -> RealServer:
    """A workspace with one agent: of the demo model, or of the provider on that port. `more` is more of its spec."""
    if provider_port is None:
        return make_workspace(folder, config=config or None)
    model = f"    name: gpt-4o\n    base_url: http://127.0.0.1:{provider_port}/v1{more}"
    server = make_workspace(folder, model, provider="openai", config=config or None)
    server.environ["OPENAI_API_KEY"] = KEY
    return server


async def many_sessions(server: RealServer, count: int) -> None:
    """Fill the workspace with short sessions, and start it once, so that it is as a server leaves it."""
    maker = LogMaker(server.sessions_dir)
    await write_index(server.sessions_dir, [maker.write(SHORT_RECORDS) for _ in range(count)])
    with running(server) as address, Wire(address) as wire:
        assert len(wire.get("/api/v1/sessions?limit=2")["sessions"]) == 2


@contextmanager
def running(server: RealServer) -> Iterator[Address]:
    try:
        server.start()
        yield address_of(server)
    finally:
        server.stop()


def token_of(workspace: Path) -> str:
    """The token that the server of a workspace made at its start."""
    told = read_announcement(workspace)
    assert told is not None
    return told.token


def address_of(server: RealServer) -> Address:
    """Where it is, with its token."""
    told = read_announcement(server.workspace)
    assert told is not None
    return Address(told.address.port, told.token, told.address.pid)


def rss_mb(pid: int) -> float:
    """What of the process is in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def clock_ms(pid: int) -> float:
    """The time that passes everywhere."""
    return time.perf_counter() * 1000


def cpu_ms(pid: int) -> float:
    """What its threads that are alive have taken of a core."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def open_logs(pid: int) -> int:
    """How many logs the process has open."""
    count = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += os.readlink(entry).endswith("/events.jsonl")
        except FileNotFoundError:
            continue
    return count


def wait_until_idle(pid: int) -> None:
    """Until every session has left the server's memory."""
    until_sync(lambda: not open_logs(pid), bound=START_SECONDS, why="sessions stay open")

"""A real server with few descriptors and little memory serves many more sessions than it has descriptors."""

import asyncio
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from duragent.client.client import Client
from duragent.wire import SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer, is_idle, make_workspace, told
from tests.support.until import until

AT_ONCE = 6
ADDRESS_SPACE_BYTES = 400 << 20


@dataclass
class _Scarce(RealServer):
    """`descriptors` is its hard limit, `memory_bytes` that of its address space; 0 is no limit."""

    descriptors: int = 0
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        descriptors = [f"--nofile={self.descriptors}:{self.descriptors}"] if self.descriptors else []
        memory = [f"--as={self.memory_bytes}:{self.memory_bytes}"] if self.memory_bytes else []
        self.prefix = ("prlimit", *descriptors, *memory)


async def _talk(server: "_Scarce", client: Client, count: int) -> tuple[list[str], int]:
    """New sessions, each with a message whose turn is not waited for; how many descriptors were in use at most."""
    names: list[str] = []
    used: list[int] = []
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with turns:
            session = (await client.create_session("assistant")).session_id
            await client.post_message(session, SendMessage(content=f"number {number}"))
            names.append(session)
            used.append(_open_files(server))

    await asyncio.gather(*(one(number) for number in range(count)))
    return names, max(used)


async def _until_all_are_done(client: Client, names: list[str]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS * 5):
        for name in names:
            await until(partial(is_idle, client, name))


def _open_files(server: RealServer) -> int:
    assert server.process is not None
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def _resident_mib(server: RealServer) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) >> 10


def _cpu_seconds(server: RealServer) -> float:
    assert server.process is not None
    user, system = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def _serves_many(server: _Scarce, sessions: int) -> None:
    server.start()
    most, began = server.descriptors, time.monotonic()
    async with server.client() as client:
        names, used = await _talk(server, client, sessions)
        await _until_all_are_done(client, names)
        assert used < most
        seconds, cpu = time.monotonic() - began, _cpu_seconds(server)
        print(f"{sessions} sessions with a turn each: {seconds:.0f} s, {cpu:.0f} s of them the server's CPU; ", end="")  # noqa: T201  # what a campaign did
        print(f"at most {used} of {most} descriptors; {_resident_mib(server)} MiB resident")  # noqa: T201  # the same
        for name in names[:: max(1, sessions // 10)]:
            await told(client, name, "repeat once more")
        ready = await client.ready()
        assert (ready.status, ready.damaged) == ("ok", [])
        assert ready.descriptors is not None
        assert ready.descriptors.limit == most
    server.kill()
    server.start()
    async with server.client() as client:
        await told(client, names[0], "repeat and on")
        assert (await client.ready()).damaged == []
    for name in names[:: max(1, sessions // 10)]:
        kinds = server.kinds(name)
        assert (kinds.count("message_received") >= 2) == (kinds.count("turn_ended") >= 2)
    assert "Traceback" not in server.log.read_text()
    assert "Too many open files" not in server.log.read_text()


@pytest.mark.parametrize(
    ("sessions", "descriptors"),
    [
        (80, 64),
        pytest.param(5_000, 1_024, marks=[pytest.mark.campaign, pytest.mark.timeout(3_600)]),
    ],
)
async def test_more_sessions_than_descriptors_are_served(tmp_path: Path, sessions: int, descriptors: int) -> None:
    made = make_workspace(tmp_path)
    server = _Scarce(made.workspace, descriptors=descriptors)
    try:
        await _serves_many(server, sessions)
    finally:
        server.stop()


async def test_server_with_little_address_space_serves_and_says_when_there_is_not_enough(tmp_path: Path) -> None:
    made = make_workspace(tmp_path)
    server = _Scarce(made.workspace, descriptors=256, memory_bytes=ADDRESS_SPACE_BYTES)
    try:
        await _serves_many(server, 15)
    finally:
        server.stop()

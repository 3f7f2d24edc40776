"""A real server that really runs out of room or of descriptors: it says so, goes on showing, and goes on working when
the cause is gone. Nothing that it acknowledged is lost, also when it is killed afterwards.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from duragent.client.client import Client
from duragent.errors import ProblemResponse
from duragent.journal.events import MessageReceived, TurnEnded
from duragent.wire import SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer, is_idle, is_ready, make_workspace, told
from tests.support.until import until

TEXT = "{number} of many " + "w" * 1500
DISK_BYTES = 4 << 20


@dataclass
class _Server(RealServer):
    """Its own log is not on the small disk."""

    outside: Path | None = None

    @property
    def log(self) -> Path:
        assert self.outside is not None
        return self.outside / "server.log"


@dataclass
class Shortage:
    """Something that a server can run out of."""

    kind: str
    server: _Server
    begin: Callable[[], None]
    end: Callable[[], None]


# --- what there can be too little of --------------------------------------------------------------------------------


def small_disk(kind: str, folder: Path, image: Path) -> bool:
    """Mount a small file system; False when this machine does not let us."""
    folder.mkdir()
    commands = [["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)]]
    if kind == "ext4":
        image.write_bytes(b"")
        os.truncate(image, 2 * DISK_BYTES)
        commands = [
            ["mkfs.ext4", "-q", "-F", "-m", "0", str(image)],
            ["mount", "-o", "loop", str(image), str(folder)],
        ]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_SECONDS)
        return True
    return False


def fill(filler: Path) -> None:
    """Leave no byte free on the disk of this file."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"f" * size)


def _full_disk(server: _Server, folder: Path) -> Shortage:
    filler = folder / "filler"

    def begin() -> None:
        with contextlib.suppress(OSError):
            fill(filler)

    return Shortage("disk", server, begin, lambda: filler.unlink(missing_ok=True))


def _limit(kind: str, server: _Server, which: int, soft: Callable[[int], int]) -> Shortage:
    def begin() -> None:
        assert server.process is not None
        pid = server.process.pid
        resource.prlimit(pid, which, (soft(pid), resource.prlimit(pid, which)[1]))

    def end() -> None:
        assert server.process is not None
        hard = resource.prlimit(server.process.pid, which)[1]
        resource.prlimit(server.process.pid, which, (hard, hard))

    return Shortage(kind, server, begin, end)


@pytest.fixture(params=["file size", "tmpfs", pytest.param("ext4", marks=pytest.mark.campaign)])
def shortage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shortage]:
    with _served(request.param, tmp_path) as shortage:
        yield shortage


@contextlib.contextmanager
def _served(kind: str, tmp_path: Path) -> Iterator[Shortage]:
    folder = tmp_path / "disk"
    mounted = kind in ("tmpfs", "ext4")
    if mounted and not small_disk(kind, folder, tmp_path / "image"):
        pytest.skip(f"this machine lets nobody mount a small {kind}")
    made = make_workspace(folder)
    server = _Server(made.workspace, outside=tmp_path)
    try:
        if mounted:
            yield _full_disk(server, folder)
        else:
            # One more message fits into the longest file that there is, and then not the turn that it begins.
            yield _limit(kind, server, resource.RLIMIT_FSIZE, lambda _: 2_000 + _longest(server.workspace))
    finally:
        server.stop()
        if mounted:
            subprocess.run(["umount", str(folder)], check=True, timeout=LIMIT_SECONDS)
            shutil.rmtree(folder)


def _longest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _descriptors(pid: int) -> int:
    """One is free: for a connection, perhaps, but a new session needs two."""
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return 1 + next(number for number in range(1 << 20) if number not in used)


# --- what must hold -------------------------------------------------------------------------------------------------


async def _post_until_refused(client: Client, session: str) -> tuple[list[str], ProblemResponse]:
    accepted: list[str] = []
    for number in range(60):
        text = TEXT.format(number=number)
        try:
            await client.post_message(session, SendMessage(content=text))
        except ProblemResponse as error:
            return accepted, error
        accepted.append(text)
    raise AssertionError("there is room for everything")


async def _create_many(client: Client, shortage: Shortage) -> None:
    """With the limit taken again before each: what was open for a moment may have been counted as used."""
    for _ in range(20):
        shortage.begin()
        await client.create_session("assistant")


def _texts(server: RealServer, session: str) -> list[str]:
    events = [record.event for record in server.records(session)]
    return [event.text for event in events if isinstance(event, MessageReceived)]


async def test_full_disk_is_told_and_the_same_session_goes_on_when_there_is_room(shortage: Shortage) -> None:
    server = shortage.server
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, "hello " + "h" * 20_000)
        shortage.begin()
        accepted, refused = await _post_until_refused(client, session)
        assert (refused.status, refused.problem) == (507, "store-full")
        assert len(accepted) == 1 or shortage.kind != "file size"
        # Reading goes on.
        head = (await client.events(session, after=0, limit=1)).head
        assert (await client.events(session, after=0)).events[-1]["seq"] >= head
        assert [info.session_id for info in (await client.sessions()).sessions] == [session]
        with pytest.raises(ProblemResponse) as again:
            await client.post_message(session, SendMessage(content=TEXT.format(number="one")))
        assert again.value.status == 507

        shortage.end()
        # Turns that were cut short end by themselves.
        await until(partial(is_idle, client, session))
        await told(client, session, "repeat afterwards")
        other = (await client.create_session("assistant")).session_id
        await told(client, other, "repeat another")
        await until(partial(is_ready, client))
        server.kill()
        wanted = ["hello " + "h" * 20_000, *accepted, "repeat afterwards"]
        assert _texts(server, session) == wanted
        server.start()
        await told(client, session, "repeat and on")
        assert _texts(server, session) == [*wanted, "repeat and on"]
        ended = [record.event for record in server.records(session) if isinstance(record.event, TurnEnded)]
        assert {event.outcome for event in ended} == {"completed"}
    assert "Traceback" not in server.log.read_text()


async def test_server_without_free_descriptors_refuses_what_is_new_and_goes_on_with_the_rest(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "disk")
    server = _Server(made.workspace, outside=tmp_path)
    shortage = _limit("descriptors", server, resource.RLIMIT_NOFILE, _descriptors)
    server.start()
    try:
        async with server.client() as client:
            session = (await client.create_session("assistant")).session_id
            await told(client, session, "repeat hello")
            url = urlsplit((await server.locate()).url)
            place = url.hostname, url.port
            with pytest.raises(ProblemResponse, match="Too many open files") as refused:
                await _create_many(client, shortage)
            assert refused.value.status in (503, 507)
            assert (await client.events(session, after=0)).events
            await client.post_message(session, SendMessage(content="in between"))
            await until(partial(is_idle, client, session))
            # Some who cannot be let in for now.
            waiting = [await asyncio.open_connection(*place) for _ in range(3)]
            for _, writer in waiting:
                writer.write(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            shortage.end()
            async with asyncio.timeout(LIMIT_SECONDS):
                for reader, writer in waiting:
                    with contextlib.suppress(ConnectionError):
                        # Sent away at the door, or let in later; not kept waiting for ever.
                        assert (await reader.read())[:13] in (b"", b"HTTP/1.1 200 ")
                    writer.close()
            await told(client, session, "repeat afterwards")
            await told(client, (await client.create_session("assistant")).session_id, "repeat another")
            server.kill()
            assert _texts(server, session) == ["repeat hello", "in between", "repeat afterwards"]
            server.start()
            await told(client, session, "repeat and on")
            assert (await client.ready()).status == "ok"
    finally:
        server.stop()
    assert "Traceback" not in server.log.read_text()

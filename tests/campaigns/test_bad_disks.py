"""A real server on a disk that takes nothing: it starts, shows what is there, says what it cannot do, and goes on by
itself when the disk takes something again. No command shows a traceback.
"""

import asyncio
import contextlib
import io
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from duragent.cli.main import run
from duragent.client import launch
from duragent.client.client import Client
from duragent.client.watch import CaughtUp, Item
from duragent.errors import ProblemResponse
from duragent.journal.events import TurnEnded
from duragent.journal.record import Record
from duragent.wire import SendMessage
from tests.campaigns.test_real_faults import _Server, fill, small_disk
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import is_ready, make_workspace, told
from tests.support.until import until


@dataclass
class BadDisk:
    """A mounted disk of its own, with a workspace on it; `break_it` and `mend` may be called while a server runs."""

    server: _Server
    break_it: Callable[[], None]
    mend: Callable[[], None]
    reason: str


def _mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True, capture_output=True, timeout=60)


@pytest.fixture(params=["read-only", "full"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BadDisk]:
    folder = tmp_path / "disk"
    if not small_disk("tmpfs", folder, tmp_path / "image"):
        pytest.skip("this machine lets nobody mount a small file system")
    server = _Server(make_workspace(folder).workspace, outside=tmp_path)
    filler = folder / "filler"
    try:
        if request.param == "full":
            yield BadDisk(server, lambda: fill(filler), filler.unlink, "No space left on device (make room)")
        else:
            yield BadDisk(
                server,
                lambda: _mount("-o", "remount,ro", str(folder)),
                lambda: _mount("-o", "remount,rw", str(folder)),
                "Read-only file system (mount it read-write)",
            )
    finally:
        server.stop()
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)


async def _refused(asked: Awaitable[object]) -> ProblemResponse:
    with pytest.raises(ProblemResponse) as refused:
        await asked
    return refused.value


async def _begin(server: _Server) -> str:
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, "repeat hello")
        return session


async def _everything_can_be_read(client: Client, session: str) -> None:
    assert [info.session_id for info in (await client.sessions()).sessions] == [session]
    assert (await client.messages(session)).messages[0].content == "repeat hello"
    shown = await client.events(session, after=0)
    assert shown.events[-1]["seq"] == shown.head
    pieces: list[bytes] = []
    await client.export(session, pieces.append)
    assert b"events.jsonl" in b"".join(pieces)


async def _nothing_can_be_written(client: Client, session: str, reason: str) -> None:
    for asked in (
        client.create_session("assistant"),
        # The last page of a file may have room for a little.
        client.post_message(session, SendMessage(content="no" * 20_000)),
    ):
        refused = await _refused(asked)
        assert (refused.status, refused.problem) == (507, "store-full")
        assert reason in refused.detail
    ready = await client.ready()
    assert ready.status == "degraded"
    assert reason in (ready.problem or "")


async def _read_only(disk: BadDisk, session: str) -> None:
    async with disk.server.client() as client:
        await _everything_can_be_read(client, session)
        await _nothing_can_be_written(client, session, disk.reason)


async def _goes_on(server: _Server, session: str) -> None:
    async with server.client() as client:
        await told(client, session, "repeat afterwards")
        await until(partial(is_ready, client))


def _commands_say_what_they_can(workspace: Path, session: str) -> None:
    for command, codes in (
        (["doctor"], (0, 1)),
        (["session", "verify"], (0,)),
        (["session", "list"], (0,)),
        (["session", "log", session], (0,)),
        (["replay", session], (0,)),
        (["serve", "status"], (0,)),
        (["ask", "assistant", "no"], (75,)),
    ):
        assert run([*command, "--workspace", str(workspace)]) in codes, command


def _give_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes = b"") -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_server_starts_on_a_disk_that_takes_nothing_shows_what_is_there_and_goes_on_later(
    disk: BadDisk, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _give_stdin(monkeypatch)
    server = disk.server
    server.start()
    session = asyncio.run(_begin(server))
    # Of a server that was killed nothing is tidy.
    server.kill()
    disk.break_it()
    server.start()
    asyncio.run(_read_only(disk, session))
    _commands_say_what_they_can(server.workspace, session)
    disk.mend()
    asyncio.run(_goes_on(server, session))
    with contextlib.suppress(subprocess.CalledProcessError):
        # A disk with files that are open for writing cannot be made read-only.
        disk.break_it()
    assert server.terminate() == 0
    assert "Traceback" not in server.log.read_text() + "".join(capfd.readouterr())


# --- a server that a command starts there, and a turn that waits for room -------------------------------------------


async def _begin_turn_and_die(server: _Server) -> str:
    """A session whose server was killed while it answered."""
    server.start({"DURAGENT_CRASHPOINT": "partial.kept:1"})
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        # The last page of the log may have room for a short answer.
        text = "repeat" + f" {'w' * 1_000}" * 20
        posting = asyncio.ensure_future(client.post_message(session, SendMessage(content=text)))
        await server.wait_until_dead()
        posting.cancel()
        await asyncio.wait((posting,))
        return session


def _says_why_not(
    disk: BadDisk, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> list[str]:
    """The command says in one sentence why it cannot do what it should; the lines that it says before that."""
    _give_stdin(monkeypatch, b"hello?\n")
    assert run([*command, "--workspace", str(disk.server.workspace)]) == 75
    said = capfd.readouterr()
    *before, refused = said.err.splitlines()
    assert said.out == ""
    assert refused.startswith("duragent: ")
    assert disk.reason in refused
    return before


async def _watched_until(items: AsyncGenerator[Item, None], done: Callable[[Item], bool]) -> list[Record]:
    """The records up to the item that says that it is done."""
    records: list[Record] = []
    async with asyncio.timeout(LIMIT_SECONDS):
        async for item in items:
            records += [item] if isinstance(item, Record) else []
            if done(item):
                break
    return records


async def _turn_goes_on_by_itself(disk: BadDisk, session: str) -> None:
    async with disk.server.client() as client, contextlib.aclosing(client.watch(session, after=0)) as items:
        shown = await _watched_until(items, lambda item: isinstance(item, CaughtUp))
        kinds = {record.event.type for record in shown}
        assert "model_called" in kinds
        assert "turn_ended" not in kinds
        disk.mend()
        later = await _watched_until(items, lambda item: isinstance(item, Record) and isinstance(item.event, TurnEnded))
        assert [record.seq for record in [*shown, *later]] == list(range(1, len(shown) + len(later) + 1))
        ended = later[-1].event
        assert isinstance(ended, TurnEnded)
        assert ended.outcome == "completed"


def test_command_starts_a_server_there_which_shows_an_interrupted_turn_and_ends_it_when_there_is_room(
    disk: BadDisk,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    # Where the server's log goes that the disk does not take.
    logs = disk.server.log.parent
    monkeypatch.setattr(tempfile, "tempdir", str(logs))
    monkeypatch.setattr(launch, "START_SECONDS", LIMIT_SECONDS)
    # Either command starts a server on one of the disks, and finds it running on the other.
    first, second = (["ask", "assistant"], ["chat"])[:: 1 if "full" in request.node.callspec.id else -1]
    session = asyncio.run(_begin_turn_and_die(disk.server))
    disk.break_it()
    try:
        [started] = _says_why_not(disk, capfd, monkeypatch, first)
        assert started.startswith("Started a server on 127.0.0.1:")
        assert _says_why_not(disk, capfd, monkeypatch, second) == []
        asyncio.run(_turn_goes_on_by_itself(disk, session))
    finally:
        run(["serve", "stop", "--workspace", str(disk.server.workspace)])
    written = [path.read_text() for path in logs.glob("duragent-server-*.log")]
    assert "Traceback" not in "".join([*written, *capfd.readouterr()])

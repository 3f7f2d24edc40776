"""One sessions folder has one writer, however another server comes to it. Promise 6, with real servers."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from duragent.client.client import Client
from duragent.config import load_config
from duragent.errors import DuragentError, ProblemResponse, SessionsLocked
from duragent.journal.events import MessageReceived
from duragent.runtime import Runtime
from duragent.stores.files.reader import FileLogReader
from duragent.wire import SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer, make_workspace

REFUSED = 73
Prefix = Sequence[str]


def naming(folder: Path, sessions: Path) -> RealServer:
    """A workspace of its own that keeps its sessions in `sessions`."""
    folder.mkdir()
    return make_workspace(folder, config={"services": {"session": {"path": str(sessions)}}})


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    server = make_workspace(tmp_path_factory.mktemp("first"))
    server.start()
    yield server
    server.stop()


def same_path(sessions: Path, _: Path) -> tuple[Path, Prefix]:
    return sessions, ()


def symbolic_link(sessions: Path, folder: Path) -> tuple[Path, Prefix]:
    (folder / "link").symlink_to(sessions)
    return folder / "link", ()


def bind_mount(sessions: Path, folder: Path) -> tuple[Path, Prefix]:
    place = folder / "bound"
    place.mkdir()
    script = 'mount --bind "$0" "$1" && shift && exec "$@"'
    return place, ("unshare", "--mount", "sh", "-c", script, str(sessions), str(place))


def container(sessions: Path, folder: Path) -> tuple[Path, Prefix]:
    place = folder / "volume"
    place.mkdir()
    alone = ("--unshare-pid", "--unshare-uts", "--unshare-ipc", "--die-with-parent")
    return place, ("bwrap", "--dev-bind", "/", "/", "--proc", "/proc", "--bind", str(sessions), str(place), *alone)


@pytest.mark.parametrize("way", [same_path, symbolic_link, bind_mount, container])
def test_second_server_on_a_sessions_folder_is_refused_and_told_who_holds_it(
    first: RealServer, tmp_path: Path, way: Callable[[Path, Path], tuple[Path, Prefix]]
) -> None:
    assert first.process is not None
    place, prefix = way(first.sessions_dir, tmp_path)
    if prefix and not works([*prefix, "true"]):
        pytest.skip(f"{prefix[0]} does not work here")
    second = naming(tmp_path / "second", place)
    ran = subprocess.run(
        [*prefix, sys.executable, "-m", "duragent", "serve", "--config", str(second.config), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    said = ran.stderr
    assert ran.returncode == REFUSED, said
    assert f"the sessions folder {place} is held by process {first.process.pid} on " in said
    assert f"for the workspace {first.workspace}" in said
    assert "services.session.path" in said
    assert "Traceback" not in said
    assert asyncio.run(says(first, None, f"beside {way.__name__}"))


def works(command: Sequence[str]) -> bool:
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True).returncode == 0


async def says(server: RealServer, session_id: str | None, text: str) -> str | None:
    """The session in which this message was acknowledged (a new one without `session_id`); None if it was not."""
    async with Client(server.locate, patience_seconds=0.2) as client:
        try:
            session_id = session_id or (await client.create_session("assistant")).session_id
            await client.post_message(session_id, SendMessage(content=text))
        except ProblemResponse as problem:
            if problem.status not in (409, 503):
                raise
            return None
    return session_id


def texts(sessions: Path, session_id: str) -> list[str]:
    records = FileLogReader(sessions).read(session_id)
    return [record.event.text for record in records if isinstance(record.event, MessageReceived)]


def empty(old: Path, new: Path) -> None:
    new.mkdir()


def copied(old: Path, new: Path) -> None:
    shutil.copytree(old, new)


def hard_linked(old: Path, new: Path) -> None:
    subprocess.run(["cp", "-al", str(old), str(new)], check=True)
    # The worst: the very files that the first server has open, without the lock that came along.
    (new / ".lock").unlink()


LONG = pytest.mark.campaign


@pytest.mark.parametrize("make", [pytest.param(empty, marks=LONG), pytest.param(copied, marks=LONG), hard_linked])
def test_server_whose_sessions_folder_was_replaced_acknowledges_nothing_and_the_new_folders_server_all(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    first = make_workspace(tmp_path)
    sessions = first.sessions_dir
    first.start()
    try:
        session = asyncio.run(says(first, None, "before"))
        assert session is not None
        moved = sessions.with_name("moved")
        sessions.rename(moved)
        make(moved, sessions)
        second = naming(tmp_path / "second", sessions)
        second.start()
        try:
            there = None if make is empty else session
            assert asyncio.run(says(first, session, "lost")) is None
            assert asyncio.run(says(first, None, "lost too")) is None
            written = asyncio.run(says(second, there, "kept"))
            assert written is not None
            assert asyncio.run(says(first, session, "lost again")) is None
            assert texts(sessions, written)[-1] == "kept"
        finally:
            second.stop()
        shutil.rmtree(sessions)
        moved.rename(sessions)
        # It goes on by itself where its own folder is back, but for what was changed by others meanwhile.
        assert asyncio.run(says(first, None, "after"))
        assert first.terminate() == 0
        assert "Traceback" not in first.log.read_text()
    finally:
        first.stop()


async def test_two_servers_in_one_process_cannot_share_a_folder_either(tmp_path: Path) -> None:
    first, second = naming(tmp_path / "a", tmp_path / "sessions"), naming(tmp_path / "b", tmp_path / "sessions")
    configs = [load_config(server.config, {}) for server in (first, second)]
    runtimes = [Runtime(config, config.server, config.agents_dir) for config in configs]
    async with runtimes[0].open():
        with pytest.raises(SessionsLocked, match=r"sessions is held by process \d+ on .* for the workspace .*/a/"):
            async with runtimes[1].open():
                raise DuragentError("two write one folder")
    async with runtimes[1].open():
        assert runtimes[1].url

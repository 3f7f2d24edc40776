"""A disk that keeps one session waiting, or fails it, does so to that session alone."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from duragent.cli.place import config_of
from duragent.client.client import Client
from duragent.errors import ProblemResponse
from duragent.runtime import Runtime
from duragent.stores.files.disk import Disk
from duragent.wire import SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import make_workspace, told


class OneBadFolder(Disk):
    """The syncs of the files in `bad` wait for `go`, and then fail if `error` is set."""

    def __init__(self) -> None:
        self.bad: Path | None = None
        self.error = 0
        self.waiting, self.go = threading.Event(), threading.Event()
        self._paths: dict[int, Path] = {}

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._paths[fd] = path
        return fd

    def open(self, path: Path, *, scratch: bool = False) -> int:
        fd = super().open(path, scratch=scratch)
        self._paths[fd] = path
        return fd

    def sync(self, fd: int) -> None:
        if self.bad is not None and self._paths[fd].parent == self.bad:
            self.waiting.set()
            self.go.wait()
            if self.error:
                raise OSError(self.error, os.strerror(self.error))
        super().sync(fd)


@dataclass
class Served:
    disk: OneBadFolder
    client: Client
    impatient: Client
    """Does not wait for a session that cannot be written for now."""
    sessions_dir: Path

    async def two_sessions(self) -> tuple[str, str]:
        """The one whose disk is about to be bad, and another one. The turns of both are over."""
        names = [(await self.client.create_session("assistant")).session_id for _ in range(2)]
        for name in names:
            await told(self.client, name, "repeat hello")
        return names[0], names[1]

    async def everything_else_works(self, bad: str, other: str) -> None:
        assert (await told(self.client, other, "repeat still here")).content == "still here"
        new = (await self.client.create_session("assistant")).session_id
        assert (await told(self.client, new, "repeat me too")).content == "me too"
        assert {bad, other, new} <= {info.session_id for info in (await self.client.sessions()).sessions}
        await self.client.alive()


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    """A whole server in this process, on such a disk."""
    disk = OneBadFolder()
    server = make_workspace(folder)
    config = config_of(server.workspace)
    settings = config.server.model_copy(update={"port": 0, "shutdown_grace_seconds": 1.0})
    impatient = Client(server.locate, patience_seconds=0.0)
    # No other thread takes the place of the one that waits, as it would after a while.
    runtime = Runtime(config, settings, config.agents_dir, disk=disk, stuck_seconds=3_600.0)
    async with runtime.open(), server.client() as client, impatient:
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                yield Served(disk, client, impatient, server.sessions_dir)
        finally:
            disk.go.set()


async def test_session_whose_sync_is_slow_keeps_no_other_waiting_and_is_acknowledged_only_after_it(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as here:
        slow, other = await here.two_sessions()
        here.disk.bad = here.sessions_dir / slow
        posting = asyncio.create_task(here.client.post_message(slow, SendMessage(content="repeat at last")))
        await asyncio.to_thread(here.disk.waiting.wait, LIMIT_SECONDS)
        await here.everything_else_works(slow, other)
        ready = await here.client.ready()
        assert (ready.status, ready.problem) == ("ok", None)
        # It is in the file, but not on the disk for sure.
        assert "at last" in (here.sessions_dir / slow / "events.jsonl").read_text()
        assert not posting.done()
        here.disk.go.set()
        assert (await posting).message_id
        assert (await told(here.client, slow, "repeat and on")).content == "and on"


async def test_session_whose_sync_fails_is_told_so_and_no_other_is_concerned(tmp_path: Path) -> None:
    async with served(tmp_path) as here:
        failing, other = await here.two_sessions()
        here.disk.error = errno.EIO
        here.disk.go.set()
        here.disk.bad = here.sessions_dir / failing
        with pytest.raises(ProblemResponse, match="Input/output error") as refused:
            await here.impatient.post_message(failing, SendMessage(content="repeat once"), key="the same")
        assert refused.value.status in (503, 507)
        await here.everything_else_works(failing, other)
        ready = await here.client.ready()
        assert (ready.status, ready.damaged) == ("degraded", [failing])
        assert "Input/output error" in (ready.problem or "")
        here.disk.bad = None
        # Whether the line had reached the disk was not known. Under the same key it is there once, whatever happened.
        assert (await told(here.client, failing, "repeat once", key="the same")).content == "once"
        texts = [message.content for message in (await here.client.messages(failing)).messages]
        assert texts[2:] == ["repeat once", "once"]
        assert (await here.client.ready()).status == "ok"

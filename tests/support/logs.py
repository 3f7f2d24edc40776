"""Logs and disks for the tests of the stores."""

import asyncio
import errno
import os
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from duragent.journal import events as e
from duragent.journal.record import Record, crc_seed, encode
from duragent.stores.files.disk import Disk
from tests.support.bounds import LIMIT_SECONDS

SESSION = "session_01log"
T = TypeVar("T")
TS = "2026-01-02T03:04:05.678Z"


def lines_of(first: int, happened: Sequence[e.Event], session_id: str = SESSION) -> list[bytes]:
    """One append: the lines of these events, marked as a group when they are several."""
    count = len(happened)
    marks = [f"{at}/{count}" if count > 1 else None for at in range(1, count + 1)]
    return [
        encode(Record(first + at, TS, event, mark), crc_seed(session_id)).line
        for at, (event, mark) in enumerate(zip(happened, marks, strict=True))
    ]


def message(text: str) -> e.Event:
    return e.MessageReceived(message_id="msg_1", text=text)


def conversation() -> list[list[bytes]]:
    """The appends of a short conversation with tools: 15 records, one group of three, one of two."""
    calls = (
        e.Call(call="c1", tool="bash", arguments='{"command":"ls"}'),
        e.Call(call="c2", tool="web", arguments="{}"),
    )
    appends: list[list[e.Event]] = [
        [e.SessionCreated(agent="assistant")],
        [e.OwnerClaimed(epoch=1, node="n1"), message("hi\n\u2028 {"), e.TurnStarted(turn="t1", trigger=3)],
        [e.ModelCalled(turn="t1", step=1, attempt=1, epoch=1, model="m", input_seq=3)],
        [e.ModelReplied(message_id="m2", turn="t1", text='so: "}', calls=calls, cost_usd=0.25)],
        [e.ToolStarted(turn="t1", call="c1", tool="bash", epoch=1)],
        [e.ToolFinished(turn="t1", call="c1", tool="bash", outcome="ok", content="a.txt\x00\n")],
        [e.ToolFinished(turn="t1", call="c2", outcome="error"), e.SessionRenamed(title="Files")],
        [e.ModelCalled(turn="t1", step=2, attempt=1, epoch=1, model="m", input_seq=9)],
        [e.ModelReplied(message_id="m3", turn="t1", step=2, text="one file \N{GRINNING FACE} \ud800")],
        [e.TurnEnded(turn="t1", outcome="completed")],
        [message("thanks")],
        [e.SessionClosed(reason="done")],
    ]
    made, seq = [], 1
    for happened in appends:
        made.append(lines_of(seq, happened))
        seq += len(happened)
    return made


def ends_of(appends: Sequence[Sequence[bytes]]) -> list[int]:
    """The byte positions where an append ends, 0 first."""
    ends = [0]
    for lines in appends:
        ends.append(ends[-1] + sum(map(len, lines)))
    return ends


def spoil(folder: Path, seq: int) -> None:
    """Change a byte of a record in the log of this folder."""
    for path in folder.glob("events*.jsonl"):
        data = path.read_bytes()
        if (at := data.find(b'{"seq":%d,' % seq)) >= 0:
            path.write_bytes(data[:at] + data[at:].replace(b'"ts":"2', b'"ts":"3', 1))
            return
    raise AssertionError(seq)


class QuickDisk(Disk):
    """Syncs nothing: for tests in which no power is cut."""

    def sync(self, fd: int) -> None: ...

    def sync_folder(self, path: Path) -> None: ...


class SlowDisk(QuickDisk):
    """Its next sync waits until somebody lets it go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()
        self.syncing = threading.Event()

    def sync(self, fd: int) -> None:
        if not self.syncing.is_set():
            self.syncing.set()
            assert self.go_on.wait(LIMIT_SECONDS)

    async def holding_up(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin the work; returns when it waits in its next sync."""
        self.go_on.clear()
        self.syncing.clear()
        working = asyncio.create_task(work)
        assert await asyncio.to_thread(self.syncing.wait, LIMIT_SECONDS)
        return working


class FaultyDisk(QuickDisk):
    """The `nth` changing operation from now on fails (from 1), and `lasting` ones all after it too."""

    def __init__(self) -> None:
        self.nth = 0
        self.error = 0
        self.lasting = False
        self.happened: list[str] = []

    def fail(self, nth: int, error: int, *, lasting: bool = False) -> None:
        self.nth, self.error, self.lasting, self.happened = nth, error, lasting, []

    def heal(self) -> None:
        self.nth = 0

    def _about_to(self, name: str) -> None:
        self.happened.append(name)
        if self.nth and (len(self.happened) == self.nth or (self.lasting and len(self.happened) > self.nth)):
            raise OSError(self.error, os.strerror(self.error))

    def make_folder(self, path: Path) -> None:
        self._about_to("make_folder")
        super().make_folder(path)

    def create(self, path: Path) -> int:
        self._about_to("create")
        return super().create(path)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        try:
            self._about_to("write")
        except OSError:
            if self.error != errno.EROFS:
                super().write(fd, data[: len(data) // 2], offset)
            raise
        super().write(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        self._about_to("truncate")
        super().truncate(fd, size)

    def sync(self, fd: int) -> None:
        self._about_to("sync")

    def sync_folder(self, path: Path) -> None:
        self._about_to("sync_folder")

    def rename(self, old: Path, new: Path) -> None:
        self._about_to("rename")
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        if path.exists():
            self._about_to("unlink")
        super().unlink(path)

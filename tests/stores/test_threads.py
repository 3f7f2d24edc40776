"""Calls that no thread can take, and calls that never return."""

import asyncio
import threading
import weakref
from pathlib import Path

import pytest

from duragent.errors import Unavailable
from duragent.stores.files.store import FileStore
from duragent.stores.files.threads import THREADS, Threads
from tests.support.bounds import LIMIT_SECONDS
from tests.support.logs import SESSION, QuickDisk, conversation, lines_of, message
from tests.support.until import until

OTHER = "session_02other"
APPENDS = conversation()
LOG = b"".join(line for lines in APPENDS for line in lines)
HEAD = LOG.count(b"\n")


async def test_call_that_no_thread_can_take_is_refused_and_never_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    threads = Threads()

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(Unavailable, match="no thread can be started"):
            await threads.run(lambda: ran.append(1))
    # Now there is one, and it takes what waits.
    await threads.run(lambda: ran.append(2))
    assert ran == [2]
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        # The one that is there takes it.
        await threads.run(lambda: ran.append(3))
    assert ran == [2, 3]
    assert threads.close(5)


class Hanging(QuickDisk):
    """Reads of the logs of sessions whose name has `stuck` in it do not return before `go`."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.stuck: set[int] = set()

    def open_to_read(self, path: Path) -> int:
        if "stuck" in path.parent.name:
            self.go.wait(LIMIT_SECONDS)
        return super().open_to_read(path)


async def test_calls_that_hang_take_no_threads_from_the_others_and_do_not_stop_the_end(tmp_path: Path) -> None:
    disk = Hanging()
    store = FileStore(tmp_path, disk=disk, threads=Threads(0.05))
    store.open()
    names = [f"session_stuck{number}" for number in range(2 * THREADS)]
    for name in [SESSION, *names]:
        await store.create(name, lines_of(1, [message("one")], name))
    hanging = [asyncio.ensure_future(store.verify(name)) for name in names]
    async with asyncio.timeout(LIMIT_SECONDS):
        for _ in range(20):
            assert await store.verify(SESSION) == 1
    assert not any(each.done() for each in hanging)
    assert not store.close(0.05)
    with pytest.raises(Unavailable, match="closed"):
        await store.verify(SESSION)
    disk.go.set()
    assert await asyncio.gather(*hanging) == [1] * len(names)


async def test_what_a_call_returned_is_not_kept_by_the_thread_that_ran_it() -> None:
    """A list of all sessions, or a large blob."""

    class Large:
        """Something that a weak reference can point to."""

    threads = Threads()
    found = await threads.run(Large)
    kept = weakref.ref(found)
    del found
    await until(lambda: kept() is None)
    assert threads.close(5)

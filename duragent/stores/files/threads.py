"""Threads for calls that block: a call that the kernel does not end takes neither the others' threads nor the exit.

The law: at most `THREADS` calls run at once that come to an end; one that has run for `STUCK_SECONDS` is not counted
any more, and a thread takes its place, `STUCK_MOST` times. The threads are daemons, which the interpreter does not
wait for when it ends: a read from a network disk or from FUSE may never return.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from duragent.errors import Unavailable

THREADS = 8
STUCK_SECONDS = 10.0
STUCK_MOST = 64
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Call:
    """One call; `done` gets its result. `began` is when a thread took it, None before that.

    `stuck`: it has run for so long that it is not counted any more.
    """

    work: Callable[[], Any]
    done: "Future[Any]" = field(default_factory=Future)
    began: float | None = None
    stuck: bool = False


class Threads:
    """`await threads.run(work)`; `close` at the end. To be called from one event loop at a time."""

    def __init__(self, stuck_seconds: float = STUCK_SECONDS) -> None:
        self._stuck_seconds = stuck_seconds
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._running: set[_Call] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    @property
    def stuck(self) -> int:
        """Calls that have not ended for `STUCK_SECONDS`."""
        with self._lock:
            return sum(call.stuck for call in self._running)

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns or raises, once it has run in a thread. Raises Unavailable when too many calls hang."""
        if self._closed:
            raise Unavailable("the store is closed")
        if self.stuck >= STUCK_MOST:
            raise Unavailable(f"{STUCK_MOST} calls to the disk have not returned")
        call = _Call(work)
        timer = asyncio.get_running_loop().call_later(self._stuck_seconds, self._look_at, call)
        self._waiting.put(call)
        try:
            self._make_room()
        except RuntimeError as error:
            # No thread can be had. Another one takes the call; without any it is taken back, so that it surely never
            # runs behind the back of a caller that was told that it failed.
            if not self._threads and call.done.cancel():
                timer.cancel()
                raise Unavailable("no thread can be started: memory or processes are used up") from error
        try:
            result: _T = await asyncio.wrap_future(call.done)
            return result
        finally:
            # The call may go on when its caller has gone.
            if call.done.done():
                timer.cancel()

    def _make_room(self) -> None:
        with self._lock:
            counted = len(self._threads) - sum(call.stuck for call in self._running)
            if counted < THREADS and self._idle < self._waiting.qsize():
                thread = threading.Thread(target=self._work, name="duragent-store", daemon=True)
                # First, so that one that cannot be had is not counted.
                thread.start()
                self._threads.append(thread)

    def _look_at(self, call: _Call) -> None:
        """Give its place to another one when it has run for too long; else look again later."""
        if call.done.done():
            return
        ran = 0.0 if call.began is None else time.monotonic() - call.began
        if ran < self._stuck_seconds:
            asyncio.get_running_loop().call_later(self._stuck_seconds - ran, self._look_at, call)
            return
        with self._lock:
            if call not in self._running:
                return
            call.stuck = True
        _log.warning("a call to the disk has not returned for %g s", ran)
        with contextlib.suppress(RuntimeError):
            self._make_room()

    def _work(self) -> None:
        while self._take_one():
            pass
        with self._lock:
            self._threads.remove(threading.current_thread())

    def _take_one(self) -> bool:
        """Wait for a call and run it; False when this thread is to end.

        What it returned may be large, and must not stay here while the thread waits for the next one.
        """
        if (call := self._next()) is None:
            return False
        if not call.done.set_running_or_notify_cancel():
            return True
        with self._lock:
            call.began = time.monotonic()
            self._running.add(call)
        try:
            result = call.work()
        except BaseException as error:
            self._ended(call)
            call.done.set_exception(error)
        else:
            self._ended(call)
            call.done.set_result(result)
        # When it was stuck, another one has its place.
        return not call.stuck

    def _next(self) -> _Call | None:
        with self._lock:
            self._idle += 1
        try:
            return self._waiting.get()
        finally:
            with self._lock:
                self._idle -= 1

    def _ended(self, call: _Call) -> None:
        with self._lock:
            self._running.discard(call)

    def close(self, seconds: float) -> bool:
        """Take no more calls; whether all that are running end within `seconds`."""
        self._closed = True
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._waiting.put(None)
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

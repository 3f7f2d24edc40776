"""The claims of a files store: one call at a time on each stream, in a thread, and never too many files open."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from duragent.errors import Fenced, Unavailable
from duragent.shield import shielded, to_its_end
from duragent.stores.base import Claim, Stream, StreamKind
from duragent.stores.files.locks import SessionsLock
from duragent.stores.files.log_file import LogFile
from duragent.stores.files.open_logs import OpenLogs
from duragent.stores.files.threads import Threads
from duragent.system.os_errors import in_words

_T = TypeVar("_T")


class LockedThreads:
    """Runs what blocks in a thread, while the lock of the folder is held."""

    def __init__(self, lock: SessionsLock, threads: Threads) -> None:
        self._lock, self._threads = lock, threads

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns. Raises Unavailable where the disk refuses, and where the lock is not held."""
        try:
            return await self._threads.run(lambda: self._held(work))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise Unavailable(f"the store cannot be used: {where}{in_words(error)}") from error

    async def run_to_end(self, work: Callable[[], _T]) -> _T:
        """As `run`; a caller that is cancelled in the middle goes on only when the work has ended."""
        return await to_its_end(self.run(work))

    def _held(self, work: Callable[[], _T]) -> _T:
        self._lock.must_hold()
        done = work()
        # Before it is acknowledged: what was written is where the name leads, and under the lock.
        self._lock.must_hold()
        return done

    def close(self, seconds: float) -> bool:
        """Take no more work; whether all that is running ends within `seconds`."""
        return self._threads.close(seconds)


@dataclass(slots=True, kw_only=True)
class FileClaim(Claim):
    """A claim with its open log, until it is `over`."""

    log: LogFile
    folder: Path
    threads: LockedThreads
    """Of its own store: files may be let go of for another store that shares the count."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Lets one call at a time through."""

    def close(self) -> None:
        self.over = True
        self.log.close()


class FileClaims:
    """The claims that are not over, by the ids of their streams."""

    def __init__(self, threads: LockedThreads, kind: StreamKind, open_logs: OpenLogs[FileClaim]) -> None:
        """`open_logs` counts the logs whose file is open, of all stores that share it."""
        self._threads, self._kind, self._open_logs = threads, kind, open_logs
        self._claims: dict[str, FileClaim] = {}

    def get(self, stream_id: str) -> FileClaim | None:
        return self._claims.get(stream_id)

    def mine(self, claim: Claim) -> FileClaim:
        """The same claim, with its log. Raises Fenced when it is over."""
        mine = self._claims.get(claim.stream_id)
        if mine is not claim or mine.over:
            raise Fenced(f"the claim on {Stream(claim.stream_id, self._kind)} is over")
        return mine

    async def add(self, claim: FileClaim) -> None:
        """From here on it is the claim on its stream; an older one is over."""
        if (old := self._claims.pop(claim.stream_id, None)) is not None:
            self.close(old)
        self._claims[claim.stream_id] = claim
        await self._used(claim)

    def drop(self, claim: Claim) -> None:
        """Forget this claim, unless there is another one on its stream by now."""
        if self._claims.get(claim.stream_id) is claim:
            del self._claims[claim.stream_id]

    def close(self, claim: FileClaim) -> None:
        """Close its log; the claim is over."""
        if not claim.over:
            self._open_logs.closed(str(claim.folder))
            claim.close()

    def close_all(self, *, also_busy: bool) -> None:
        """`also_busy`: no call is under way any more in which a descriptor could be used."""
        for claim in list(self._claims.values()):
            # The number of a descriptor that is closed is given to another file.
            if also_busy or not claim.turn.locked():
                self.close(claim)

    async def run(self, claim: Claim, work: Callable[[FileClaim, LogFile], _T]) -> _T:
        """Run `work` in a thread while no other call on this stream runs, to its end even if the caller is cancelled.

        A claim that is over then is forgotten. Raises Fenced, Unavailable, and what `work` raises.
        """
        mine = self.mine(claim)

        async def one_at_a_time() -> _T:
            try:
                async with mine.turn:
                    log = self.mine(claim).log
                    return await self._threads.run(lambda: work(mine, log))
            finally:
                if mine.over:
                    self.drop(mine)
                else:
                    await self._used(mine)

        return await shielded(one_at_a_time())

    async def _used(self, claim: FileClaim) -> None:
        """Of too many open logs, let go of those that were not used for longest."""
        self._open_logs.used(str(claim.folder), claim)
        for idle in self._open_logs.take_surplus(lambda open_claim: not open_claim.turn.locked()):
            await self._let_go(idle)

    async def _let_go(self, idle: FileClaim) -> None:
        """Close its file to make room for another one, whose caller must not see what is wrong with this one."""
        if idle.turn.locked():
            # It was used again since it was chosen.
            self._open_logs.used(str(idle.folder), idle)
            return
        async with idle.turn:
            with contextlib.suppress(Unavailable):
                await idle.threads.run(idle.log.rest)

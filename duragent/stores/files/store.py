"""The files store: one folder a session, below one `sessions` folder.

    sessions/<id>/events.jsonl   the truth (log_file.py)
                  state.yaml     a summary, for eyes and for a fast open
                  partial.jsonl  what watchers saw of an answer that is being written
                  blobs/<sha256> texts too long for a line
    sessions/.lock               who serves this folder (lock.py)
             .index.jsonl        a cache of the session list
             .deleted-<id>       a deletion that was cut short; finished at the next start
             .adopted-<id>       a session that is being copied here; removed at the next start

Blocking calls run in a small pool of threads, never on the event loop; calls on one session are made one after another.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from duragent.crashpoint import crashpoint
from duragent.errors import (
    DuragentError,
    Fenced,
    SessionNotFound,
    StoreError,
    StoreFull,
    Unavailable,
)
from duragent.journal import snapshot
from duragent.stores.base import SESSION_ID, Claim, Listed, TornTail
from duragent.stores.files.blobs import read_blob, write_blob
from duragent.stores.files.caches import INDEX_MAX_BYTES, PARTIAL_MAX_BYTES, Scratch, read_or_none
from duragent.stores.files.disk import Disk
from duragent.stores.files.import_log import DELETED, LogImport, or_full
from duragent.stores.files.legacy import may_write_summary
from duragent.stores.files.listing import listed
from duragent.stores.files.locks import SessionsLock
from duragent.stores.files.log_file import LogFile
from duragent.stores.files.open_logs import OpenLogs
from duragent.stores.files.reader import verify
from duragent.stores.files.repair import mend
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.segments import SNAPSHOT
from duragent.stores.files.sessions_folder import SessionsFolder
from duragent.stores.files.threads import Threads
from duragent.system.os_errors import in_words

_T = TypeVar("_T")
_INDEX = ".index.jsonl"
_PARTIAL = "partial.jsonl"
_OPEN_LOGS = 256
CLOSE_SECONDS = 2.0
"""So long `close` waits for calls to the disk that are under way."""


@dataclass(slots=True, kw_only=True)
class _FileClaim(Claim):
    """A claim with its open log, until it is `over`. `turn` lets one call at a time through."""

    log: LogFile
    folder: Path
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class FileStore:
    """See `Store` for the promises. Who holds the workspace is the caller's care (`locks.py`)."""

    def __init__(
        self,
        sessions_dir: Path,
        *,
        disk: Disk | None = None,
        rotation: Rotation | None = None,
        open_logs: Callable[[], int] = lambda: _OPEN_LOGS,
        lock: SessionsLock | None = None,
    ) -> None:
        """`open_logs` says how many logs may have their file open at a time.

        `lock` is held from `open` on; None: nobody else writes to this folder.
        """
        self._root = sessions_dir
        self._disk = disk or Disk()
        self._rotation = rotation or Rotation()
        self._threads = Threads()
        self._lock = lock or SessionsLock.none()
        self._folder = SessionsFolder(self._disk, sessions_dir, self._lock)
        self._claims: dict[str, _FileClaim] = {}
        self._open_logs: OpenLogs[_FileClaim] = OpenLogs(open_logs)

    def open(self) -> None:
        """Make the folder and finish what a crash left half deleted. Blocking; call once, first. Raises Unavailable.

        Where the disk takes nothing, what is there can be read, and each write tries again.
        """
        try:
            self._folder.open()
        except OSError as error:
            raise Unavailable(f"{self._root} cannot be used: {in_words(error)}") from error

    def close(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Close all logs. False: a call to the disk has not returned within `seconds`, and may write when it does."""
        ended = self._threads.close(seconds)
        for claim in list(self._claims.values()):
            # The number of a descriptor that is closed is given to another file.
            if ended or not claim.turn.locked():
                self._close_log(claim)
        return ended

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await self._threads.run(lambda: self._held(work))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise Unavailable(f"the store cannot be used: {where}{in_words(error)}") from error

    def _held(self, work: Callable[[], _T]) -> _T:
        self._lock.must_hold()
        done = work()
        # Before it is acknowledged: what was written is where the name leads, and under the lock.
        self._lock.must_hold()
        return done

    async def _through(self, work: Callable[[], _T]) -> _T:
        """As `_in_thread`; who is cancelled in the middle goes on only when the work has ended."""
        working = asyncio.ensure_future(self._in_thread(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait((working,))
            raise

    async def _with(self, claim: Claim, work: Callable[[_FileClaim, LogFile], _T]) -> _T:
        """Run `work` in a thread while no other call on this session runs, to its end even if the caller goes away."""
        mine = self._mine(claim)

        async def one_at_a_time() -> _T:
            try:
                async with mine.turn:
                    log = self._mine(claim).log
                    return await self._in_thread(lambda: work(mine, log))
            finally:
                await self._used(mine)

        return await asyncio.shield(asyncio.ensure_future(one_at_a_time()))

    async def _used(self, claim: _FileClaim) -> None:
        """Of too many open logs, let go of those that were not used for longest."""
        if claim.over:
            return
        self._open_logs.used(claim.session_id, claim)
        for idle in self._open_logs.take_surplus(lambda each: not each.turn.locked()):
            await self._let_go(idle)

    async def _let_go(self, idle: _FileClaim) -> None:
        """Close its file, for the sake of another one's: what is wrong with it is no fault of that one."""
        if idle.turn.locked():
            # Somebody uses it again, since it was chosen.
            self._open_logs.used(idle.session_id, idle)
            return
        async with idle.turn:
            with contextlib.suppress(Unavailable):
                await self._in_thread(idle.log.rest)

    def _mine(self, claim: Claim) -> _FileClaim:
        mine = self._claims.get(claim.session_id)
        if mine is not claim or mine.over:
            raise Fenced(f"the claim on session '{claim.session_id}' is over")
        return mine

    # --- ownership --------------------------------------------------------------------------------------------------

    async def create(self, session_id: str, lines: Sequence[bytes]) -> Claim:
        log = LogFile(self._disk, self._root / session_id, session_id, self._rotation)

        def work() -> None:
            self._folder.must_be_ready()
            try:
                log.create(lines)
            except OSError as error:
                log.close()
                raise StoreFull(f"session '{session_id}' could not be created: {in_words(error)}") from error
            except StoreError:
                log.close()
                raise

        return await self._claimed(session_id, log, work)

    async def adopt(
        self,
        session_id: str,
        lines: AsyncIterator[Sequence[bytes]],
        blobs: AsyncIterator[tuple[str, bytes]],
    ) -> None:
        adoption = LogImport(self._disk, self._root, session_id, self._rotation)
        await self._through(self._folder.must_be_ready)
        try:
            await self._through(adoption.begin)
            async for block in lines:
                await self._through(partial(adoption.add, block))
            async for digest, data in blobs:
                await self._through(partial(adoption.add_blob, digest, data))
            await self._through(adoption.name)
        finally:
            await self._through(adoption.close)

    async def mend(self, claim: Claim, good_seq: int, closing: Callable[[TornTail], Sequence[bytes]]) -> None:
        def work(mine: _FileClaim, _: LogFile) -> None:
            try:
                mend(self._disk, mine.folder, claim.session_id, good_seq, closing)
            finally:
                # Also when it failed: the files may be others already.
                self._close_log(mine)

        await self._with(claim, work)
        self._claims.pop(claim.session_id, None)

    async def claim(self, session_id: str) -> Claim:
        if not SESSION_ID.match(session_id):
            raise SessionNotFound(session_id)
        if (old := self._claims.get(session_id)) is not None:
            await self.release(old)
        log = LogFile(self._disk, self._root / session_id, session_id, self._rotation)

        def work() -> None:
            try:
                self._folder.must_be_locked()
                log.open()
            except DuragentError:
                log.close()
                raise

        return await self._claimed(session_id, log, work)

    async def _claimed(self, session_id: str, log: LogFile, work: Callable[[], None]) -> Claim:
        try:
            await self._in_thread(work)
        except Unavailable:
            log.close()
            raise
        if (old := self._claims.pop(session_id, None)) is not None:
            self._close_log(old)
        folder = self._root / session_id
        told = (log.head, log.oldest, log.torn, log.damage, log.legacy is not None)
        claim = _FileClaim(session_id, *told, log=log, folder=folder)
        self._claims[session_id] = claim
        await self._used(claim)
        return claim

    async def release(self, claim: Claim) -> None:
        if self._claims.get(claim.session_id) is claim:
            with contextlib.suppress(Fenced, Unavailable):
                await self._with(claim, lambda mine, _: self._close_log(mine))
            if (mine := self._claims.get(claim.session_id)) is claim:
                self._close_log(mine)  # Also when the folder is not ours any more.
                del self._claims[claim.session_id]

    def _close_log(self, claim: _FileClaim) -> None:
        if not claim.over:
            claim.over = True
            self._open_logs.closed(claim.session_id)
            claim.log.close()

    # --- the log ----------------------------------------------------------------------------------------------------

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        def work(mine: _FileClaim, log: LogFile) -> None:
            if mine.damage:
                raise mine.damage
            self._folder.must_be_ready()
            log.append(lines, expect=expect)
            mine.head, mine.is_legacy = log.head, log.legacy is not None

        await self._with(claim, work)

    async def read(self, claim: Claim, after: int, limit: int) -> bytes:
        return await self._reading(claim, lambda log: log.read(after, limit))

    async def read_back(self, claim: Claim, before: int | None, limit: int) -> bytes:
        return await self._reading(claim, lambda log: log.read_back(before, limit))

    async def _reading(self, claim: Claim, wanted: Callable[[LogFile], bytes]) -> bytes:
        def work(mine: _FileClaim, log: LogFile) -> bytes:
            try:
                return wanted(log)
            finally:
                mine.damage = mine.damage or log.damage

        return await self._with(claim, work)

    async def verify(self, session_id: str) -> int:
        return await self._in_thread(lambda: verify(self._disk, self._root / session_id, session_id))

    # --- beside the log ---------------------------------------------------------------------------------------------

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None:
        work = partial(write_blob, self._disk, self._mine(claim).folder, sha256, data)
        await self._with(claim, lambda *_: or_full(work, claim.session_id))

    async def get_blob(self, claim: Claim, sha256: str) -> bytes:
        def work(mine: _FileClaim, log: LogFile) -> bytes:
            # A log that is still v0.5's has none on the disk.
            if log.legacy is not None and sha256 in log.legacy.log.blobs:
                return log.legacy.log.blobs[sha256]
            return read_blob(self._disk, mine.folder, sha256, (claim.session_id, log.head))

        return await self._with(claim, work)

    async def put_snapshot(self, claim: Claim, data: bytes) -> None:
        def work(mine: _FileClaim, log: LogFile) -> None:
            if log.legacy is None or may_write_summary(self._disk, mine.folder):
                self._disk.replace(mine.folder / SNAPSHOT, data)

        await self._with(claim, work)
        crashpoint("snapshot.stored")

    async def get_snapshot(self, session_id: str) -> bytes | None:
        path = self._root / session_id / SNAPSHOT
        return await self._in_thread(lambda: read_or_none(self._disk, path, snapshot.MAX_BYTES, may_lack=False))

    async def put_partial(self, claim: Claim, data: bytes, *, append: bool) -> None:
        def work(mine: _FileClaim, _: LogFile) -> None:
            # A cache: when there is no room for it, the answer is told all the same.
            with (
                contextlib.suppress(OSError),
                contextlib.closing(Scratch(self._disk, mine.folder / _PARTIAL)) as scratch,
            ):
                scratch.put(data, append)

        await self._with(claim, work)
        crashpoint("partial.kept")

    async def get_partial(self, claim: Claim) -> bytes:
        def work(mine: _FileClaim, _: LogFile) -> bytes:
            return read_or_none(self._disk, mine.folder / _PARTIAL, PARTIAL_MAX_BYTES) or b""

        return await self._with(claim, work)

    # --- all sessions -----------------------------------------------------------------------------------------------

    async def list_sessions(self) -> list[Listed]:
        return await self._in_thread(lambda: listed(self._disk, self._root))

    async def delete(self, session_id: str) -> None:
        claim = self._claims.get(session_id)
        if claim is None:
            await self._in_thread(lambda: self._delete(session_id))
            return

        def work(mine: _FileClaim, _: LogFile) -> None:
            try:
                self._delete(session_id)
            finally:
                # One that could not be renamed goes on as if nothing had been tried.
                if not os.path.lexists(mine.folder):
                    self._close_log(mine)

        try:
            await self._with(claim, work)
        finally:
            if claim.over and self._claims.get(session_id) is claim:
                del self._claims[session_id]

    def _delete(self, session_id: str) -> None:
        folder, gone = self._root / session_id, self._root / f"{DELETED}{session_id}"
        if gone.exists():
            # Of an earlier attempt, whose rename may not have been synced.
            self._disk.sync_folder(self._root)
            shutil.rmtree(gone, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            self._disk.rename(folder, gone)
        crashpoint("delete.renamed")
        self._disk.sync_folder(self._root)
        shutil.rmtree(gone, ignore_errors=True)
        crashpoint("delete.removed")

    async def put_index(self, data: bytes) -> None:
        await self._in_thread(lambda: self._disk.replace(self._root / _INDEX, data, durable=False))
        crashpoint("index.dumped")

    async def get_index(self) -> bytes:
        path = self._root / _INDEX
        return await self._in_thread(lambda: read_or_none(self._disk, path, INDEX_MAX_BYTES) or b"")

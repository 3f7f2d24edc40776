"""The files store: one folder for each stream, below one root. Of sessions that is the `sessions` folder.

`beside` makes another store, for streams of another kind in another folder: it shares the threads, the disk and the
count of open files with the first, and is closed with it.

    <root>/<id>/events.jsonl   the truth (log_file.py)
                state.yaml     a summary, for eyes and for a fast open
                partial.jsonl  what watchers saw of an answer that is being written
                blobs/<sha256> texts too long for a line
    <root>/.lock               the process that serves this folder (locks.py)
          /.index.jsonl        a cache of the list of streams
          /.deleted-<id>       a deletion that was cut short; finished at the next start
          /.adopted-<id>       a stream that is being copied here, or was replaced; removed at the next start
          /.renewed-<id>       a whole log that takes the place of another; finished at the next start

Blocking calls run in a small pool of threads, never on the event loop; calls on one stream are made one after another.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError, Fenced, StoreFull, Unavailable
from duragent.journal import snapshot
from duragent.stores.base import SESSION, Claim, Listed, Stream, StreamKind, TornTail
from duragent.stores.files.blobs import drop_blob, read_blob, write_blob
from duragent.stores.files.caches import read_or_none
from duragent.stores.files.claims import FileClaim, FileClaims, LockedThreads
from duragent.stores.files.deletion import delete
from duragent.stores.files.disk import Disk
from duragent.stores.files.import_log import LogImport, or_full
from duragent.stores.files.legacy import may_write_summary
from duragent.stores.files.listing import listed
from duragent.stores.files.locks import SessionsLock
from duragent.stores.files.log_file import LogFile
from duragent.stores.files.open_logs import OpenLogs
from duragent.stores.files.pieces import verify
from duragent.stores.files.renewal import LogRenewal
from duragent.stores.files.repair import mend
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.scratch import FileScratch
from duragent.stores.files.segments import SNAPSHOT
from duragent.stores.files.sessions_folder import SessionsFolder
from duragent.stores.files.threads import Threads
from duragent.system.os_errors import in_words

_OPEN_LOGS = 256
CLOSE_SECONDS = 2.0
"""So long `close` waits for calls to the disk that are under way."""


class FileStore(FileScratch):
    """See `Store` for the promises. The caller holds the workspace's lock (`locks.py`)."""

    def __init__(  # noqa: PLR0913 - each but the first has a default
        self,
        root: Path,
        *,
        kind: StreamKind = SESSION,
        disk: Disk | None = None,
        rotation: Rotation | None = None,
        open_logs: Callable[[], int] = lambda: _OPEN_LOGS,
        lock: SessionsLock | None = None,
        threads: Threads | None = None,
    ) -> None:
        """`open_logs` says how many logs may have their file open at a time.

        `lock` is held from `open` on; None: no other process writes to this folder.
        """
        self.root = root
        self._kind = kind
        self._disk = disk or Disk()
        self.rotation = rotation or Rotation()
        self._lock, self._pool = lock or SessionsLock.none(), threads or Threads()
        self._folder = SessionsFolder(self._disk, root, self._lock)
        self._threads = LockedThreads(self._lock, self._pool)
        self._open_logs: OpenLogs[FileClaim] = OpenLogs(open_logs)
        self._claims = FileClaims(self._threads, kind, self._open_logs)
        self._others: list[FileStore] = []

    def beside(self, root: Path, kind: StreamKind) -> "FileStore":
        """A store for streams of that kind below that folder, which is made with the first of them."""
        lock = next((other._lock for other in self._others if other.root == root), self._lock.beside(root))
        other = FileStore(root, kind=kind, disk=self._disk, rotation=self.rotation, lock=lock, threads=self._pool)
        other._open_logs = self._open_logs
        other._claims = FileClaims(other._threads, kind, self._open_logs)
        self._others.append(other)
        return other

    @property
    def disk(self) -> Disk:
        """Its file operations."""
        return self._disk

    def open(self) -> None:
        """Make the folder and finish what a crash left half deleted. Blocking; call once, first. Raises Unavailable.

        Where the disk takes nothing, what is there can be read, and each write tries again.
        """
        try:
            self._folder.open()
        except OSError as error:
            raise Unavailable(f"{self.root} cannot be used: {in_words(error)}") from error

    def close(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Close all logs. False: a call to the disk has not returned within `seconds`, and may write when it does."""
        ended = self._threads.close(seconds)
        for store in (self, *self._others):
            store._claims.close_all(also_busy=ended)
        if ended:
            # Their folders belong to the server alone; the maker of this store releases the first lock.
            for other in self._others:
                other._lock.release()
        return ended

    def claimed(self, stream_id: str) -> FileClaim | None:
        """The claim that is open on this stream; None when there is none."""
        return self._claims.get(stream_id)

    # --- ownership --------------------------------------------------------------------------------------------------

    async def create(self, stream_id: str, lines: Sequence[bytes]) -> Claim:
        def work(log: LogFile) -> None:
            self._folder.must_be_ready()
            try:
                log.create(lines)
            except OSError as error:
                raise StoreFull(f"{log.stream} could not be created: {in_words(error)}") from error

        return await self._claimed(stream_id, work)

    async def adopt(
        self,
        stream_id: str,
        lines: AsyncIterator[Sequence[bytes]],
        blobs: AsyncIterator[tuple[str, bytes]],
    ) -> None:
        adoption = LogImport(self._disk, self.root, Stream(stream_id, self._kind), self.rotation)
        await self._threads.run_to_end(self._folder.must_be_ready)
        try:
            await _take_in(self._threads, adoption, lines, blobs)
            await self._threads.run_to_end(adoption.name)
        finally:
            await self._threads.run_to_end(adoption.close)

    async def replace(
        self, claim: Claim, lines: AsyncIterator[Sequence[bytes]], blobs: AsyncIterator[tuple[str, bytes]]
    ) -> None:
        renewal = LogRenewal(self._disk, self.root, self._claims.mine(claim).log.stream, self.rotation)

        def work(mine: FileClaim, _: LogFile) -> None:
            try:
                renewal.name()
            finally:
                # Also when it failed: the folder may be the other one already.
                self._claims.close(mine)

        await self._threads.run_to_end(self._folder.must_be_ready)
        try:
            await _take_in(self._threads, renewal, lines, blobs)
            await self._claims.run(claim, work)
        finally:
            await self._threads.run_to_end(renewal.close)

    async def mend(self, claim: Claim, good_seq: int, closing: Callable[[TornTail], Sequence[bytes]]) -> None:
        def work(mine: FileClaim, _: LogFile) -> None:
            try:
                mend(self._disk, mine.folder, mine.log.stream, good_seq, closing)
            finally:
                # Also when it failed: the files may be others already.
                self._claims.close(mine)

        await self._claims.run(claim, work)

    async def claim(self, stream_id: str) -> Claim:
        if not self._kind.has(stream_id):
            raise self._kind.not_found(stream_id)
        if (old := self._claims.get(stream_id)) is not None:
            await self.release(old)

        def work(log: LogFile) -> None:
            self._folder.must_be_locked()
            log.open()

        return await self._claimed(stream_id, work)

    async def _claimed(self, stream_id: str, open_log: Callable[[LogFile], None]) -> Claim:
        log = LogFile(self._disk, self.root / stream_id, Stream(stream_id, self._kind), self.rotation)

        def work() -> None:
            try:
                open_log(log)
            except DuragentError:
                log.close()
                raise

        try:
            await self._threads.run(work)
        except Unavailable:
            log.close()
            raise
        opened = (log.head, log.oldest, log.torn, log.damage, log.legacy is not None)
        claim = FileClaim(stream_id, *opened, log=log, folder=self.root / stream_id, threads=self._threads)
        await self._claims.add(claim)
        return claim

    async def release(self, claim: Claim) -> None:
        if self._claims.get(claim.stream_id) is claim:
            with contextlib.suppress(Fenced, Unavailable):
                await self._claims.run(claim, lambda mine, _: self._claims.close(mine))
            if (mine := self._claims.get(claim.stream_id)) is claim:
                self._claims.close(mine)  # Also when the folder is not ours any more.
                self._claims.drop(claim)

    # --- the log ----------------------------------------------------------------------------------------------------

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        def work(mine: FileClaim, log: LogFile) -> None:
            if mine.damage:
                raise mine.damage
            self._folder.must_be_ready()
            log.append(lines, expect=expect)
            mine.head, mine.is_legacy = log.head, log.legacy is not None

        await self._claims.run(claim, work)

    async def read(self, claim: Claim, after: int, limit: int) -> bytes:
        return await self._reading(claim, lambda log: log.read(after, limit))

    async def read_back(self, claim: Claim, before: int | None, limit: int) -> bytes:
        return await self._reading(claim, lambda log: log.read_back(before, limit))

    async def _reading(self, claim: Claim, read: Callable[[LogFile], bytes]) -> bytes:
        def work(mine: FileClaim, log: LogFile) -> bytes:
            try:
                return read(log)
            finally:
                mine.damage = mine.damage or log.damage

        return await self._claims.run(claim, work)

    async def verify(self, stream_id: str) -> int:
        return await self._threads.run(lambda: verify(self._disk, self.root / stream_id, Stream(stream_id, self._kind)))

    # --- beside the log ---------------------------------------------------------------------------------------------

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None:
        work = partial(write_blob, self._disk, self._claims.mine(claim).folder, sha256, data)
        await self._claims.run(claim, lambda mine, _: or_full(work, mine.log.stream))

    async def get_blob(self, claim: Claim, sha256: str) -> bytes:
        def work(mine: FileClaim, log: LogFile) -> bytes:
            # A log that is still v0.5's has none on the disk.
            if log.legacy is not None and sha256 in log.legacy.log.blobs:
                return log.legacy.log.blobs[sha256]
            return read_blob(self._disk, mine.folder, sha256, (log.stream, log.head))

        return await self._claims.run(claim, work)

    async def drop_blob(self, claim: Claim, sha256: str) -> None:
        await self._claims.run(claim, lambda mine, _: drop_blob(self._disk, mine.folder, sha256))

    async def put_snapshot(self, claim: Claim, data: bytes) -> None:
        def work(mine: FileClaim, log: LogFile) -> None:
            if log.legacy is None or may_write_summary(self._disk, mine.folder):
                self._disk.replace(mine.folder / SNAPSHOT, data)

        await self._claims.run(claim, work)
        crashpoint("snapshot.stored")

    async def get_snapshot(self, stream_id: str) -> bytes | None:
        path = self.root / stream_id / SNAPSHOT
        return await self._threads.run(lambda: read_or_none(self._disk, path, snapshot.MAX_BYTES, may_lack=False))

    # --- all streams ------------------------------------------------------------------------------------------------

    async def list_streams(self) -> list[Listed]:
        found = await self._threads.run(lambda: listed(self._disk, self.root))
        return [stream for stream in found if stream.stream_id.startswith(self._kind.prefix)]

    async def delete(self, stream_id: str) -> None:
        claim = self._claims.get(stream_id)
        if claim is None:
            await self._threads.run(lambda: delete(self._disk, self.root, stream_id))
            return

        def work(mine: FileClaim, _: LogFile) -> None:
            try:
                delete(self._disk, self.root, stream_id)
            finally:
                # One that could not be renamed goes on as if nothing had been tried.
                if not os.path.lexists(mine.folder):
                    self._claims.close(mine)

        await self._claims.run(claim, work)


async def _take_in(
    threads: LockedThreads,
    taken: LogImport,
    lines: AsyncIterator[Sequence[bytes]],
    blobs: AsyncIterator[tuple[str, bytes]],
) -> None:
    await threads.run_to_end(taken.begin)
    async for block in lines:
        await threads.run_to_end(partial(taken.add, block))
    async for digest, data in blobs:
        await threads.run_to_end(partial(taken.add_blob, digest, data))

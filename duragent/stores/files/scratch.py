"""What a files store keeps that may be lost: output in progress beside a log, and the list of all streams."""

import contextlib
from pathlib import Path

from duragent.crashpoint import crashpoint
from duragent.stores.base import Claim
from duragent.stores.files.caches import INDEX_MAX_BYTES, PARTIAL_MAX_BYTES, Scratch, read_or_none
from duragent.stores.files.claims import FileClaim, FileClaims, LockedThreads
from duragent.stores.files.disk import Disk
from duragent.stores.files.log_file import LogFile

_INDEX = ".index.jsonl"
_PARTIAL = "partial.jsonl"


class FileScratch:
    """A part of `FileStore`; see `CacheStore` for the contract."""

    root: Path
    """The folder of all streams."""
    _disk: Disk
    _threads: LockedThreads
    _claims: FileClaims

    async def put_partial(self, claim: Claim, data: bytes, *, append: bool) -> None:
        def work(mine: FileClaim, _: LogFile) -> None:
            # A cache: an answer is streamed also when there is no room for it.
            with (
                contextlib.suppress(OSError),
                contextlib.closing(Scratch(self._disk, mine.folder / _PARTIAL)) as scratch,
            ):
                scratch.put(data, append)

        await self._claims.run(claim, work)
        crashpoint("partial.kept")

    async def get_partial(self, claim: Claim) -> bytes:
        def work(mine: FileClaim, _: LogFile) -> bytes:
            return read_or_none(self._disk, mine.folder / _PARTIAL, PARTIAL_MAX_BYTES) or b""

        return await self._claims.run(claim, work)

    async def put_index(self, data: bytes) -> None:
        await self._threads.run(lambda: self._disk.replace(self.root / _INDEX, data, durable=False))
        crashpoint("index.dumped")

    async def get_index(self) -> bytes:
        path = self.root / _INDEX
        return await self._threads.run(lambda: read_or_none(self._disk, path, INDEX_MAX_BYTES) or b"")

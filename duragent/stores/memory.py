"""The reference store: everything in memory, gone with the process. For tests, and to read what the contract means."""

import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from duragent.errors import Fenced, SeqConflict
from duragent.journal.line import first_seq
from duragent.journal.record import crc_seed
from duragent.journal.scan import scan
from duragent.stores.base import READ_MAX_BYTES, SESSION, Claim, Listed, Stream, StreamKind, TornTail


@dataclass(slots=True)
class _Kept:
    number: int
    lines: list[bytes] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    snapshot: bytes | None = None
    partial: bytes = b""
    claim: Claim | None = None


class MemoryStore:
    """See `Store` for the promises; "durable" lasts as long as this object."""

    def __init__(self, kind: StreamKind = SESSION) -> None:
        self._kind = kind
        self._streams: dict[str, _Kept] = {}
        self._numbers = itertools.count(1)
        self._index = b""

    async def create(self, stream_id: str, lines: Sequence[bytes]) -> Claim:
        if stream_id in self._streams:
            raise self._named(stream_id).exists()
        self._streams[stream_id] = _Kept(next(self._numbers), list(lines))
        return await self.claim(stream_id)

    async def claim(self, stream_id: str) -> Claim:
        stream = self._streams.get(stream_id)
        if stream is None:
            raise self._named(stream_id).not_found()
        found = scan(b"".join(stream.lines), crc_seed(stream_id), after=None)
        damage = (
            self._named(stream_id).damaged("memory", found.line, found.problem, found.seq) if found.problem else None
        )
        stream.claim = Claim(stream_id, found.seq, first_seq(stream.lines[0]), damage=damage)
        return stream.claim

    async def release(self, claim: Claim) -> None:
        stream = self._streams.get(claim.stream_id)
        if stream is not None and stream.claim is claim:
            stream.claim = None

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        stream = self._mine(claim)
        if claim.damage:
            raise claim.damage
        if expect != claim.head:
            raise SeqConflict(f"{self._named(claim.stream_id)} is at {claim.head}, the writer thought {expect}")
        stream.lines.extend(lines)
        claim.head += len(lines)

    async def read(self, claim: Claim, after: int, limit: int) -> bytes:
        lines = [line for line in self._good(claim) if first_seq(line) > after]
        return b"".join(_fitting(lines[:limit]))

    async def read_back(self, claim: Claim, before: int | None, limit: int) -> bytes:
        lines = [line for line in self._good(claim) if before is None or first_seq(line) < before]
        return b"".join(reversed(_fitting(lines[: -limit - 1 : -1])))

    async def verify(self, stream_id: str) -> int:
        stream = self._streams.get(stream_id)
        if stream is None:
            raise self._named(stream_id).not_found()
        found = scan(b"".join(stream.lines), crc_seed(stream_id), after=None)
        if found.verdict == "damaged":
            raise self._named(stream_id).damaged("memory", found.line, found.problem, found.seq)
        return found.seq

    async def adopt(
        self,
        stream_id: str,
        lines: AsyncIterator[Sequence[bytes]],
        blobs: AsyncIterator[tuple[str, bytes]],
    ) -> None:
        if stream_id in self._streams:
            raise self._named(stream_id).exists()
        whole = [line async for block in lines for line in block]
        kept = {name: data async for name, data in blobs}
        if stream_id in self._streams:
            raise self._named(stream_id).exists()
        self._streams[stream_id] = _Kept(next(self._numbers), whole, kept)

    async def replace(
        self, claim: Claim, lines: AsyncIterator[Sequence[bytes]], blobs: AsyncIterator[tuple[str, bytes]]
    ) -> None:
        self._mine(claim)
        whole = [line async for block in lines for line in block]
        kept = {name: data async for name, data in blobs}
        self._mine(claim)
        self._streams[claim.stream_id] = _Kept(next(self._numbers), whole, kept)

    async def mend(self, claim: Claim, good_seq: int, closing: Callable[[TornTail], Sequence[bytes]]) -> None:
        stream = self._mine(claim)
        kept = [line for line in self._good(claim) if first_seq(line) <= good_seq]
        if not kept or first_seq(kept[-1]) != good_seq:
            raise self._named(claim.stream_id).damaged(
                "memory", 1, f"there is no good record {good_seq} to go on from", 0
            )
        rest = b"".join(stream.lines[len(kept) :])
        aside = hashlib.sha256(rest).hexdigest()
        stream.blobs[aside] = rest
        stream.lines = [*kept, *closing(TornTail(len(b"".join(kept)), len(rest), aside))]
        stream.snapshot, stream.claim = None, None

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None:
        self._mine(claim).blobs[sha256] = data

    async def drop_blob(self, claim: Claim, sha256: str) -> None:
        self._mine(claim).blobs.pop(sha256, None)

    async def get_blob(self, claim: Claim, sha256: str) -> bytes:
        data = self._mine(claim).blobs.get(sha256)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            raise self._named(claim.stream_id).damaged(
                f"blobs/{sha256}", 1, "the blob is absent or changed", claim.head
            )
        return data

    async def put_snapshot(self, claim: Claim, data: bytes) -> None:
        self._mine(claim).snapshot = data

    async def get_snapshot(self, stream_id: str) -> bytes | None:
        stream = self._streams.get(stream_id)
        return stream.snapshot if stream else None

    async def put_partial(self, claim: Claim, data: bytes, *, append: bool) -> None:
        stream = self._mine(claim)
        stream.partial = stream.partial + data if append else data

    async def get_partial(self, claim: Claim) -> bytes:
        return self._mine(claim).partial

    async def list_streams(self) -> list[Listed]:
        return [Listed(name, f"{stream.number}-{len(stream.lines)}") for name, stream in self._streams.items()]

    async def delete(self, stream_id: str) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None and stream.claim is not None:
            stream.claim.over = True

    async def put_index(self, data: bytes) -> None:
        self._index = data

    async def get_index(self) -> bytes:
        return self._index

    def _named(self, stream_id: str) -> Stream:
        return Stream(stream_id, self._kind)

    def _mine(self, claim: Claim) -> _Kept:
        stream = self._streams.get(claim.stream_id)
        if stream is None or stream.claim is not claim:
            raise Fenced(f"the claim on {self._named(claim.stream_id)} is over")
        return stream

    def _good(self, claim: Claim) -> list[bytes]:
        return [line for line in self._mine(claim).lines if first_seq(line) <= claim.head]


def _fitting(lines: list[bytes]) -> list[bytes]:
    """As many lines from the front as one read returns."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line)
        if size >= READ_MAX_BYTES:
            return lines[: count + 1]
    return lines

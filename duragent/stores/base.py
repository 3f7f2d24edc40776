"""The contract of a store: a place where streams rest. A stream is a log of lines with one writer, of some kind.

One kind is `SESSION`; the rooms that have others define them. A store serves streams of one kind, and knows of it only
its name and its errors; what stands in a line concerns those that decode it, with the kind's `types`.

`LogStore` keeps the logs, `BlobStore` the texts that are too long for a line, `CacheStore` what may be lost. `Store` is
all three. Promises of every store on this shelf (`duragent.testing.check_store` tries them, with two kinds):

- **Durable on return.** When `create`, `append`, `put_blob` or `delete` returns, what it did survives a power cut.
- **All or nothing.** `append` stores all its lines or none, gapless behind `expect`, and raises otherwise.
- **The exact bytes.** What `read` returns is what `append` was given: exporting a log is copying it.
- **Claimed once.** A stream is read and written through a `Claim`; the store has one writer. `claim` leaves behind a
  log without a torn tail; one with any other fault is served up to it, read-only, and `claim.damage` says what it is.
- **Never more than acknowledged.** `read` shows only lines whose append has returned.
- **Never a changed line.** Reads may end early (where a file does, or before a fault), but are empty only when there is
  nothing more. A fault that only shows in a read raises `Damaged` and is noted in `claim.damage`; nothing is appended
  under a claim with damage.
- **Mended only when asked.** A log with damage stays as it is until `mend`, which throws nothing away.
- Snapshots and partial texts are caches: they may be absent, old or torn, and losing them loses nothing that counts.

All methods are called from one event loop. Calls for one stream run one after another, in the order in which they were
made; `verify`, `get_snapshot` and `list_streams` may run beside them.

Errors: `StoreFull` (nothing stored, the claim is still good), `SeqConflict` (a bug), `Fenced` and `LogChanged` (this
claim is over), `Unavailable`, `Damaged`. Ids are checked by the caller; a store may rely on `STREAM_ID`.
Idempotency, SSE and tokens stand above this floor.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from duragent.errors import Damaged, DuragentError, LogChanged, NotFound, SessionExists, SessionNotFound, StoreFull
from duragent.journal.events import EVENT_TYPES
from duragent.journal.record import crc_seed
from duragent.journal.snapshot import SESSION_FORM, SnapshotForm

STREAM_ID = re.compile(r"[a-z0-9][A-Za-z0-9_-]{0,63}\Z")
"""Ids that may name a stream. Capital letters only because duragent-rust wrote its ULIDs so."""

READ_MAX_BYTES = 256 << 10
"""About how much one `read` returns: it stops after the line that passes this."""


@dataclass(frozen=True, slots=True)
class StreamKind:
    """What the streams of one store have in common."""

    name: str
    """What one is called in messages: "session"."""
    types: Mapping[str, type[BaseModel]]
    """The events that may stand in its logs, by their type: for `decode`. The store itself decodes nothing."""
    not_found: Callable[[str], NotFound]
    """The error for an id that no stream has."""
    exists: Callable[[str], DuragentError]
    """The error for an id that a stream has already; it is given the sentence that says so."""
    snapshots: SnapshotForm[Any] | None = None
    """How its snapshots are written; None: it has none."""
    prefix: str = ""
    """How the names of its streams begin, where those of several kinds stand in one folder."""

    def has(self, stream_id: str) -> bool:
        """Whether a stream with this id would be of this kind."""
        return stream_id.startswith(self.prefix) and STREAM_ID.match(stream_id) is not None


SESSION = StreamKind("session", EVENT_TYPES, SessionNotFound, SessionExists, SESSION_FORM)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream by its name, as messages and errors speak of it: `str(stream)` is "session 's1'"."""

    id: str
    kind: StreamKind = SESSION

    def __str__(self) -> str:
        return f"{self.kind.name} '{self.id}'"

    @property
    def seed(self) -> int:
        """The start value of the checksums of its lines."""
        return crc_seed(self.id)

    def not_found(self) -> NotFound:
        return self.kind.not_found(self.id)

    def exists(self, why: str = "exists") -> DuragentError:
        return self.kind.exists(f"{self} {why}")

    def damaged(self, file: str, line: int, problem: str, good_seq: int) -> Damaged:
        return Damaged(self.id, file, line, problem, good_seq, self.kind.name)

    def changed(self, what: str) -> LogChanged:
        return LogChanged(self.id, what, self.kind.name)

    def nothing_stored(self, why: str) -> StoreFull:
        return StoreFull(f"nothing was stored in {self}: {why}")


@dataclass(frozen=True, slots=True)
class TornTail:
    """Bytes of an append that never ended."""

    offset: int
    """Where in the log's file they were cut off."""
    size_bytes: int
    saved_as: str
    """The name under which they are kept, beside the log."""


@dataclass(slots=True)
class Claim:
    """The right to read and write one stream."""

    stream_id: str
    head: int
    """The seq of the last acknowledged line."""
    oldest: int = 1
    """The seq of the first line; greater than 1 only where duragent-rust has compacted the beginning away."""
    torn: TornTail | None = None
    """What `claim` cut off; None when the log ended with a whole append."""
    damage: Damaged | None = None
    """Why nothing can be appended; None while the log is whole, as far as is known."""
    is_legacy: bool = False
    """Whether duragent-rust wrote the log, and what is read is what it becomes with the first append."""
    over: bool = False
    """Whether the stream was deleted, or the store let go of it: every call under this claim raises Fenced."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A stream that exists."""

    stream_id: str
    mark: str
    """Changes whenever the log does; it means nothing else."""
    changed_at: float = 0.0
    """When the log was written last, in seconds since 1970, as far as that costs nothing to know; else 0."""


class LogStore(Protocol):
    """The logs: see the module for the promises."""

    async def create(self, stream_id: str, lines: Sequence[bytes]) -> Claim:
        """A new log with its first lines. Raises the kind's `exists`."""
        ...

    async def claim(self, stream_id: str) -> Claim:
        """Take the stream over, after mending what a crash left. Raises the kind's `not_found`."""
        ...

    async def release(self, claim: Claim) -> None:
        """End the claim. It may be over already."""
        ...

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        """Add lines behind seq `expect`, durable on return; `claim.head` has moved by then."""
        ...

    async def read(self, claim: Claim, after: int, limit: int) -> bytes:
        """Whole lines, oldest first, with seq > `after`: at most `limit`, about READ_MAX_BYTES, at least one."""
        ...

    async def read_back(self, claim: Claim, before: int | None, limit: int) -> bytes:
        """Whole lines, oldest first: the newest `limit` with seq < `before` (None: of all), about READ_MAX_BYTES."""
        ...

    async def verify(self, stream_id: str) -> int:
        """Read everything; the seq of the last record. Changes nothing, and may run beside any other call.

        Raises the kind's `not_found`, and Damaged at the first fault that is not a torn tail.
        """
        ...

    async def adopt(
        self,
        stream_id: str,
        lines: AsyncIterator[Sequence[bytes]],
        blobs: AsyncIterator[tuple[str, bytes]],
    ) -> None:
        """A whole log from elsewhere, and then its blobs: all of it is there on return, or nothing.

        A group of lines must not come in two pieces. Raises the kind's `exists`.
        """
        ...

    async def replace(
        self, claim: Claim, lines: AsyncIterator[Sequence[bytes]], blobs: AsyncIterator[tuple[str, bytes]]
    ) -> None:
        """Put another whole log, and its blobs, in the place of this one: whatever happens, there is one or the other.

        Nothing of the old one is left, caches included, when this returns or after the next start. A group of lines
        must not come in two pieces; they may be read from the same claim. It is over then; it is as good as before
        when `lines` or `blobs` raise.
        """
        ...

    async def mend(self, claim: Claim, good_seq: int, closing: Callable[[TornTail], Sequence[bytes]]) -> None:
        """Put `closing` in the place of all that is behind record `good_seq`; what stood there is kept beside the log.

        The claim is over then. Raises Damaged when that record is not good either.
        """
        ...

    async def list_streams(self) -> list[Listed]: ...

    async def delete(self, stream_id: str) -> None:
        """Remove a stream for good. Claims on it are over. Deleting what is not there is no error.

        Where nothing could be changed this raises, and a claim that is not `over` then is as good as before.
        """
        ...


class BlobStore(Protocol):
    """Texts that are too long for a line, and whole outputs: one entry for each SHA-256, beside the log."""

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None:
        """Durable on return. `sha256` is the digest of `data` in hex."""
        ...

    async def get_blob(self, claim: Claim, sha256: str) -> bytes:
        """Raises Damaged when it is absent or is not what its name says."""
        ...

    async def drop_blob(self, claim: Claim, sha256: str) -> None:
        """Remove it, durably on return. One that is not there is no error."""
        ...


class CacheStore(Protocol):
    """What can be made again from the logs, or is worth something only for a moment: it may be absent, old or torn."""

    async def put_snapshot(self, claim: Claim, data: bytes) -> None:
        """Keep a summary of the log."""
        ...

    async def get_snapshot(self, stream_id: str) -> bytes | None: ...

    async def put_partial(self, claim: Claim, data: bytes, *, append: bool) -> None:
        """Keep what watchers are about to see of an unfinished answer. Survives the process, not the machine."""
        ...

    async def get_partial(self, claim: Claim) -> bytes: ...

    async def put_index(self, data: bytes) -> None:
        """Keep the cache of the list of streams."""
        ...

    async def get_index(self) -> bytes: ...


class Store(LogStore, BlobStore, CacheStore, Protocol):
    """All of it for the streams of one kind."""

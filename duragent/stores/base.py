"""The contract of a store: a place where the logs of sessions rest, one stream of lines for each.

Promises of every store on this shelf (`duragent.testing.check_store` tries them):

- **Durable on return.** When `create`, `append`, `put_blob` or `delete` returns, what it did survives a power cut.
- **All or nothing.** `append` stores all its lines or none, gapless behind `expect`, and raises otherwise.
- **The exact bytes.** What `read` returns is what `append` was given: exporting a log is copying it.
- **Claimed once.** A session is read and written through a `Claim`; the store has one writer. `claim` leaves behind a
  log without a torn tail; one with any other fault is served up to it, read-only, and `claim.damage` says what it is.
- **Never more than acknowledged.** `read` shows only lines whose append has returned.
- **Never a changed line.** Reads may end early (where a file does, or before a fault), but are empty only when there is
  nothing more. A fault that only shows in a read raises `Damaged` and is noted in `claim.damage`; nothing is appended
  under a claim with damage.
- **Mended only when asked.** A log with damage stays as it is until `mend`, which throws nothing away.
- Snapshots and partial texts are caches: they may be absent, old or torn, and losing them loses nothing that counts.

Errors: `StoreFull` (nothing stored, the claim is still good), `SeqConflict` (a bug), `Fenced` and `LogChanged` (this
claim is over), `Unavailable`, `Damaged`. Ids are checked by the caller; a store may rely on `SESSION_ID`.
Idempotency, SSE and tokens stand above this floor.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from duragent.errors import Damaged

SESSION_ID = re.compile(r"[a-z0-9][A-Za-z0-9_-]{0,63}\Z")
"""Ids that may name a session. Capital letters only because duragent-rust wrote its ULIDs so."""

READ_MAX_BYTES = 256 << 10
"""About how much one `read` returns: it stops after the line that passes this."""


@dataclass(frozen=True, slots=True)
class TornTail:
    """Bytes of an append that never ended, cut off at `offset` and kept in `saved_as`."""

    offset: int
    size_bytes: int
    saved_as: str


@dataclass(slots=True)
class Claim:
    """The right to read and write one session. `head` is the seq of its last acknowledged line.

    `is_legacy`: duragent-rust wrote the log, and what is read is what it becomes with the first append. `over`: its
    session was deleted, or the store let go of it; every call under it raises Fenced.
    """

    session_id: str
    head: int
    oldest: int = 1
    torn: TornTail | None = None
    damage: Damaged | None = None
    is_legacy: bool = False
    over: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A session that exists. `mark` changes whenever its log does; it means nothing else.

    `changed_at`: when the log was written last, in seconds since 1970, as far as that costs nothing to know; else 0.
    """

    session_id: str
    mark: str
    changed_at: float = 0.0


class Store(Protocol):
    """See the module docstring for the promises. All methods may be called from one event loop only."""

    async def create(self, session_id: str, lines: Sequence[bytes]) -> Claim:
        """A new log with its first lines. Raises SessionExists."""
        ...

    async def claim(self, session_id: str) -> Claim:
        """Take the session over, after mending what a crash left. Raises SessionNotFound."""
        ...

    async def release(self, claim: Claim) -> None: ...

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        """Add lines behind seq `expect`, durable on return; `claim.head` has moved by then."""
        ...

    async def read(self, claim: Claim, after: int, limit: int) -> bytes:
        """Whole lines, oldest first, with seq > `after`: at most `limit`, about READ_MAX_BYTES, at least one."""
        ...

    async def read_back(self, claim: Claim, before: int | None, limit: int) -> bytes:
        """Whole lines, oldest first: the newest `limit` with seq < `before` (None: of all), about READ_MAX_BYTES."""
        ...

    async def verify(self, session_id: str) -> int:
        """Read everything; the seq of the last record. Changes nothing, and may run beside any other call.

        Raises SessionNotFound, and Damaged at the first fault that is not a torn tail.
        """
        ...

    async def adopt(
        self,
        session_id: str,
        lines: AsyncIterator[Sequence[bytes]],
        blobs: AsyncIterator[tuple[str, bytes]],
    ) -> None:
        """A whole log from elsewhere, and then its blobs: all of it is there on return, or nothing.

        A group of lines must not come in two pieces. Raises SessionExists.
        """
        ...

    async def mend(self, claim: Claim, good_seq: int, closing: Callable[[TornTail], Sequence[bytes]]) -> None:
        """Put `closing` in the place of all that is behind record `good_seq`; what stood there is kept beside the log.

        The claim is over then. Raises Damaged when that record is not good either.
        """
        ...

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None: ...

    async def get_blob(self, claim: Claim, sha256: str) -> bytes:
        """Raises Damaged when it is absent or is not what its name says."""
        ...

    async def put_snapshot(self, claim: Claim, data: bytes) -> None: ...

    async def get_snapshot(self, session_id: str) -> bytes | None: ...

    async def put_partial(self, claim: Claim, data: bytes, *, append: bool) -> None:
        """Keep what watchers are about to see of an unfinished answer. Survives the process, not the machine."""
        ...

    async def get_partial(self, claim: Claim) -> bytes: ...

    async def list_sessions(self) -> list[Listed]: ...

    async def delete(self, session_id: str) -> None:
        """Remove a session for good. Claims on it are over. Deleting what is not there is no error.

        Where nothing could be changed this raises, and a claim that is not `over` then is as good as before.
        """
        ...

    async def put_index(self, data: bytes) -> None:
        """Keep the session list's cache."""
        ...

    async def get_index(self) -> bytes: ...

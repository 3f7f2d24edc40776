"""What a session reads of its own log."""

from collections.abc import Awaitable, Callable

from duragent.context.known_talk import KnownTalk
from duragent.errors import Damaged
from duragent.journal.events import FORGOTTEN
from duragent.journal.line import first_seq, last_seq, split_lines
from duragent.journal.record import Record, blob_names, crc_seed, decode
from duragent.journal.state import SessionState
from duragent.session.record_cache import RecordCache
from duragent.stores.base import Claim, Store
from duragent.turn import history
from duragent.turn.history import HistoryNeed

LINES = 1_000
"""Lines that are read at once."""

ALL_BACK_LINES = 4_000
"""Lines that one step back takes where it is known that all of them are wanted."""


class LogReader:
    """Reads one log. `damaged` is called with a fault that a read finds, before the read raises it."""

    def __init__(self, store: Store, claim: Claim, damaged: Callable[[Damaged], None]) -> None:
        self._store, self._claim, self._damaged = store, claim, damaged
        self._seed = crc_seed(claim.stream_id)
        self._cache, self._known_with = RecordCache(self._seed), tuple[int, ...]()
        self._forgotten, self._looked_upto = set[str](), 0

    async def lines(self, after: int, limit: int) -> bytes:
        """See `Store.read`."""
        return await self._checked(self._store.read(self._claim, after, limit))

    async def lines_back(self, before: int | None, limit: int) -> bytes:
        """See `Store.read_back`."""
        return await self._checked(self._store.read_back(self._claim, before, limit))

    async def _checked(self, reading: Awaitable[bytes]) -> bytes:
        try:
            return await reading
        except Damaged as error:
            self._damaged(error)
            raise

    async def blobs(self, lines: bytes) -> dict[str, bytes]:
        """The blobs that these lines refer to."""
        return {name: await self.blob(name) for name in blob_names(lines)}

    async def blob(self, sha256: str) -> bytes:
        """See `Store.get_blob`; of one that was forgotten, the sentence that says so.

        One that is lost does not damage the log, which goes on without it.
        """
        kept = await self.kept_blob(sha256)
        return FORGOTTEN.encode() if kept is None else kept

    async def kept_blob(self, sha256: str) -> bytes | None:
        """See `Store.get_blob`; None when it was forgotten."""
        try:
            return await self._store.get_blob(self._claim, sha256)
        except Damaged:
            if sha256 in await self.forgotten():
                return None
            raise

    async def forgotten(self) -> set[str]:
        """The blobs of which a record says that they were forgotten, by their SHA-256."""
        from duragent.journal.forgotten import forgotten_in

        while self._looked_upto < self._claim.head and (lines := await self.lines(self._looked_upto, LINES)):
            self._forgotten |= forgotten_in(lines)
            self._looked_upto = last_seq(lines)
        return self._forgotten

    async def records(self, lines: bytes) -> list[Record]:
        """The records of stored lines, with their texts."""
        blobs = await self.blobs(lines)
        return [decode(line, self._seed, blobs.__getitem__) for line in split_lines(lines)]

    async def read_records(self, after: int, limit: int) -> list[Record]:
        """Records behind seq `after`, oldest first, at most `limit`, with their texts."""
        return await self.records(await self.lines(after, limit))

    async def newest(self, need: HistoryNeed, state: SessionState) -> tuple[list[Record], bool]:
        """See `TurnHost`. What was read so is remembered, until a text is forgotten."""
        if state.viewport.forgotten != self._known_with:
            self._cache.forget()
            self._known_with = state.viewport.forgotten
        reach = history.Reach(need, state)
        before, oldest, blocks = state.seq + 1, max(self._claim.oldest, need.after + 1), list[bytes]()
        while before > oldest and not reach.enough(before):
            step = ALL_BACK_LINES if need.all_behind else history.BACK_LINES
            if not (lines := await self.lines_back(before, min(step, before - oldest))):
                break
            before = first_seq(lines)
            blocks.append(lines)
            reach.take(before, len(lines))
        stored = b"".join(reversed(blocks))
        return await self._cache.records(stored, self.blobs), before <= oldest

    @property
    def talk(self) -> KnownTalk:
        """The conversation that the newest records are, as far as the last question had it."""
        return self._cache.talk

    def rest(self) -> None:
        """The turn has ended: what is remembered stays only as long as there is room for it."""
        self._cache.rest()

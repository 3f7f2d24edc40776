"""Decoded records of one log, kept for the next question to the model."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from duragent.context.known_talk import KnownTalk
from duragent.journal.line import has_blob, split_lines
from duragent.journal.record import Record, blob_names, decode
from duragent.kept_texts import drops_texts

MOST_BYTES = 1 << 20
"""Of stored lines and their texts. The records take a few times as much memory."""

MOST_TEXT_BYTES = 16_000
"""A line with more text in blobs is not kept."""

RESTING_MOST_BYTES = 4 << 20
"""Of the stored lines of all sessions between two turns."""


class RestingCaches:
    """What sessions remember between two turns, within one bound for all: who rested longest forgets first."""

    def __init__(self, most_bytes: int = RESTING_MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._sizes: WeakKeyDictionary[RecordCache, int] = WeakKeyDictionary()

    def put(self, cache: "RecordCache", size: int) -> None:
        """It rests from now on."""
        self._sizes.pop(cache, None)
        self._sizes[cache] = size
        total = sum(self._sizes.values())
        for each, its_size in list(self._sizes.items()):
            if total <= self._most_bytes:
                break
            each.forget()
            total -= its_size

    def take(self, cache: "RecordCache") -> None:
        """It is used again."""
        self._sizes.pop(cache, None)

    def drop(self) -> None:
        """Empty all that rest."""
        for each in list(self._sizes):
            each.forget()


RESTING = RestingCaches()
"""Of this process."""
drops_texts(RESTING.drop)


@dataclass(frozen=True, slots=True)
class _Block:
    """The lines that were asked for last."""

    lines: bytes = b""
    """As they are stored."""
    records: Sequence[Record | None] = ()
    """One for each; None for one that is too large to be kept."""
    large: Sequence[tuple[int, bytes]] = ()
    """Those that are None, each with its place."""


class RecordCache:
    """Remembers the newest lines that it was asked for: a question needs mostly what the question before it needed.

    The same line is always the same record until a text of it is forgotten, and then all are forgotten here too; the
    lines themselves are read again.
    """

    def __init__(self, seed: int, most_bytes: int = MOST_BYTES, resting: RestingCaches = RESTING) -> None:
        self._seed, self._most_bytes, self._resting = seed, most_bytes, resting
        # By their lines, each with its size; the newest last.
        self._known: dict[bytes, tuple[Record, int]] = {}
        self._size, self._block = 0, _Block()
        self.talk = KnownTalk()
        """The conversation that these records are."""

    async def records(self, lines: bytes, blobs: Callable[[bytes], Awaitable[dict[str, bytes]]]) -> list[Record]:
        """As `record.decode` says, line by line. `blobs` reads what lines refer to. Raises BadLine."""
        self._resting.take(self)
        # What follows on the lines of the last question is all that is looked at.
        known, before = self._known, self._block if lines.startswith(self._block.lines) else _Block()
        parts = split_lines(lines[len(before.lines) :])
        found = [*before.records, *(known[line][0] if line in known else None for line in parts)]
        first = len(before.records)
        new = [*before.large, *((at, line) for at, line in enumerate(parts, first) if found[at] is None)]
        texts = await blobs(b"".join(line + b"\n" for _, line in new)) if any(has_blob(line) for _, line in new) else {}
        records = list[Record](found)  # type: ignore[arg-type]  # the gaps are closed here
        sizes: dict[bytes, int] = {}
        for at, line in new:
            records[at] = decode(line, self._seed, texts.__getitem__)
            sizes[line] = len(line) + sum(len(texts[name]) for name in blob_names(line))
        if known is self._known:
            large = [(at, line) for at, line in new if sizes[line] - len(line) > MOST_TEXT_BYTES]
            self._keep(parts, records[first:], sizes, {line for _, line in large})
            gaps = {at for at, _ in large}
            kept = [None if at in gaps else record for at, record in enumerate(records)] if gaps else records
            self._block = _Block(lines, list(kept), large) if self._size <= self._most_bytes else _Block()
            self._shrink()
        return records

    def _keep(self, parts: list[bytes], records: list[Record], sizes: dict[bytes, int], large: set[bytes]) -> None:
        """These are the newest now."""
        for line, record in zip(parts, records, strict=True):
            if line not in large:
                _, size = self._known.pop(line, (None, 0))
                self._known[line] = (record, size or sizes[line])
                self._size += 0 if size else sizes[line]

    def _shrink(self) -> None:
        while self._size > self._most_bytes:
            oldest = next(iter(self._known))
            self._size -= self._known.pop(oldest)[1]

    def rest(self) -> None:
        """The turn has ended: what is known stays, as long as there is room beside that of other sessions."""
        if self._block.large or not self._block.lines:
            # The conversation has texts that are too long to be kept, and that no bound counts.
            self.talk.forget()
        if self._known:
            self._resting.put(self, self._size)

    def forget(self) -> None:
        """Empty it, also for those who are just reading."""
        self._known, self._size, self._block = {}, 0, _Block()
        self.talk.forget()
        self._resting.take(self)

"""Decoded records of one log, kept for the next question to the model."""

from collections.abc import Callable
from itertools import chain
from weakref import WeakKeyDictionary

from duragent.journal.line import has_blob, split_lines
from duragent.journal.record import Record, decode

MOST_BYTES = 1 << 20
"""Of stored lines. The records take a few times as much memory."""


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


RESTING = RestingCaches()
"""Of this process."""


class RecordCache:
    """Remembers the newest lines that it was asked for: a question needs mostly what the question before it needed.

    The same line is always the same record, so nothing here can be out of date; the lines themselves are read again.
    """

    def __init__(self, seed: int, most_bytes: int = MOST_BYTES, resting: RestingCaches = RESTING) -> None:
        self._seed, self._most_bytes, self._resting = seed, most_bytes, resting
        self._known: dict[bytes, Record] = {}

    def records(self, lines: bytes, blob: Callable[[str], bytes]) -> list[Record]:
        """As `record.decode` says, line by line. Raises BadLine."""
        self._resting.take(self)
        parts = split_lines(lines)
        records = [self._known.get(line) or decode(line, self._seed, blob) for line in parts]
        self._remember(parts, records)
        return records

    def _remember(self, parts: list[bytes], records: list[Record]) -> None:
        """Keep the newest: first these lines, then those that are known already."""
        known: dict[bytes, Record] = {}
        size = 0
        for line, record in chain(zip(reversed(parts), reversed(records), strict=True), self._known.items()):
            # A blob may have any size.
            if line in known or has_blob(line):
                continue
            size += len(line)
            if size > self._most_bytes:
                break
            known[line] = record
        self._known = known

    def rest(self) -> None:
        """The turn has ended: what is known stays, as long as there is room beside that of other sessions."""
        if self._known:
            self._resting.put(self, sum(map(len, self._known)))

    def forget(self) -> None:
        """Empty it."""
        self._known = {}
        self._resting.take(self)

"""Decoded records of one log, kept for the next question to the model."""

from collections.abc import Callable
from itertools import chain

from duragent.journal.line import has_blob, split_lines
from duragent.journal.record import Record, decode

MOST_BYTES = 1 << 20
"""Of stored lines. The records take a few times as much memory."""


class RecordCache:
    """Remembers the newest lines that it was asked for: a question needs mostly what the question before it needed.

    The same line is always the same record, so nothing here can be out of date; the lines themselves are read again.
    """

    def __init__(self, seed: int, most_bytes: int = MOST_BYTES) -> None:
        self._seed, self._most_bytes = seed, most_bytes
        self._known: dict[bytes, Record] = {}

    def records(self, lines: bytes, blob: Callable[[str], bytes]) -> list[Record]:
        """As `record.decode` says, line by line. Raises BadLine."""
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

    def forget(self) -> None:
        self._known = {}

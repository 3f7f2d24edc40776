"""The records that stand for the past in each question of a session: summaries, and what is pinned.

The law: a stored record never changes, except that its texts can be forgotten; then all are read again.
"""

from collections.abc import Awaitable, Callable, Sequence

from duragent.journal.events import HistorySummarised, RecordPinned
from duragent.journal.record import Record

MOST = 96
"""As many pins as a session may have, and more summaries than are ever shown at once."""

MOST_CHARS = 16_000
"""A record with more text is read each time."""


class ShownRecords:
    """Remembers them, so that a question does not read each of them and its texts from the disk."""

    def __init__(self, read: Callable[[int, int], Awaitable[list[Record]]]) -> None:
        """`read` is `HasRecords.read_records`."""
        self._read = read
        self._known: dict[int, Record] = {}
        self._forgotten: Sequence[int] = ()

    async def at(self, seq: int, forgotten: Sequence[int]) -> list[Record]:
        """The record with that seq; [] where there is none. `forgotten` are the records that name forgotten texts."""
        if forgotten != self._forgotten:
            self._known, self._forgotten = {}, forgotten
        if (known := self._known.get(seq)) is not None:
            return [known]
        found = await self._read(seq - 1, 1)
        for record in found:
            # What was forgotten while this was read must not be kept.
            if _is_shown_again(record) and self._forgotten is forgotten:
                self._known[seq] = record
                if len(self._known) > MOST:
                    del self._known[next(iter(self._known))]
        return found


def _is_shown_again(record: Record) -> bool:
    match record.event:
        case HistorySummarised() as event:
            return len(event.text) + len(event.facts) <= MOST_CHARS
        case RecordPinned():
            return True
        case _:
            return False

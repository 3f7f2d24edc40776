"""Notes that wait for a person: which they are, and when they are dropped.

The law: nothing that waits is kept for ever, and nothing is dropped without a record.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from duragent.journal.record import timestamp
from duragent.memory.base import MemoryNote
from duragent.memory.notes import UNREVIEWED
from duragent.mind.actor import Mind

MOST_DAYS = 30
"""After so many days without a decision a note is dropped."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A note that waits."""

    note: MemoryNote
    """The note."""
    since: str
    """Since when, in UTC; "" when that is not known."""


async def pending(mind: Mind) -> Sequence[Pending]:
    """What waits, the oldest first. Raises InvalidFile."""
    notes = await asyncio.to_thread(mind.folder.notes_of, UNREVIEWED)
    known = {review.note: review.since for review in mind.state.reviews}
    return sorted((Pending(note, known.get(note.id, note.written_at)) for note in notes), key=lambda each: each.since)


def has_old(mind: Mind, now: datetime) -> bool:
    """Whether the log knows of a note that has waited too long. Looks at no file."""
    return any(review.since < _limit(now) for review in mind.state.reviews)


async def drop_old(mind: Mind, now: datetime) -> int:
    """Drop what has waited for more than `MOST_DAYS`, with a record for each; how many. Raises as `Mind.review`."""
    if not mind.state.files.get(UNREVIEWED):
        return 0
    old = [each.note.id for each in await pending(mind) if each.since and each.since < _limit(now)]
    for note in old:
        await mind.review(note, "forget", "")
    return len(old)


def _limit(now: datetime) -> str:
    return timestamp(now.astimezone(UTC) - timedelta(days=MOST_DAYS))

"""Records gone through once: what a question has of them, kept for the next question, which has the same and more.

The law: what comes out is what all of the records give when nothing is known of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from duragent.context.tokens import RatioFold
from duragent.context.transcript import TalkFold, TranscriptEntry
from duragent.journal.events import MemoryRecalled, TurnStarted
from duragent.journal.record import Record


@dataclass(frozen=True, slots=True)
class ReadTalk:
    """What records say."""

    talk: list[TranscriptEntry]
    """The conversation."""
    ratio: float
    """Real tokens per estimated one."""
    begun: frozenset[str]
    """The turns whose beginning is among them."""


@dataclass(slots=True)
class _Folds:
    talk: TalkFold = field(default_factory=TalkFold)
    ratio: RatioFold = field(default_factory=RatioFold)
    begun: set[str] = field(default_factory=set)

    def take(self, record: Record) -> None:
        self.talk.take(record)
        self.ratio.take(record.event)
        if isinstance(record.event, TurnStarted):
            self.begun.add(record.event.turn)


def read_talk(records: Sequence[Record]) -> ReadTalk:
    """Goes through all of them."""
    return KnownTalk().of(records)


class KnownTalk:
    """Goes on from where it was, as long as the records begin with those that it was given before."""

    def __init__(self) -> None:
        self._records, self._folds = list[Record](), _Folds()

    def of(self, records: Sequence[Record]) -> ReadTalk:
        """As `read_talk`."""
        known = len(self._records)
        if list(records[:known]) != self._records:
            self.forget()
            known = 0
        until = _settled(records)
        folds = self._folds
        for record in records[known:until]:
            folds.take(record)
        self._records, talk = list(records[:until]), folds.talk.copy()
        for record in records[until:]:
            talk.take(record)
        return ReadTalk(talk.ended(), folds.ratio.rounded, frozenset(folds.begun))

    def forget(self) -> None:
        """Know nothing."""
        self._records, self._folds = [], _Folds()


def _settled(records: Sequence[Record]) -> int:
    """How many of them the next question has too: what memory gives for this one will have another number there."""
    until = len(records)
    while until and isinstance(records[until - 1].event, MemoryRecalled):
        until -= 1
    return until

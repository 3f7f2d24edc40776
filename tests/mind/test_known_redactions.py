"""Redactions of sessions that an index has read before."""

from duragent.journal.events import HistoryRedacted, TurnEnded
from duragent.journal.record import Record
from duragent.mind.said_source import KnownRedactions

TS = "2026-11-21T10:00:00.000Z"


def redacted(seq: int, *seqs: int) -> Record:
    return Record(seq, TS, HistoryRedacted(seqs=seqs))


def test_redaction_of_what_was_read_is_told_once() -> None:
    known = KnownRedactions()
    other = Record(10, TS, TurnEnded(turn="turn_1", outcome="completed"))
    assert not known.change("s", 9, [other])
    assert not known.change("s", 0, [redacted(11, 3)])  # it is read from the beginning, without the text
    assert not known.change("s", 9, [redacted(11, 10)])  # so is that record
    assert known.change("s", 9, [other, redacted(11, 10, 3)])
    assert not known.change("s", 9, [other, redacted(11, 10, 3)])
    assert known.change("s", 11, [redacted(12, 4)])
    assert known.change("t", 11, [redacted(12, 4)])

"""Summaries and pins are read once, until a text of the session is forgotten."""

from duragent.journal.events import Event, HistorySummarised, MessageReceived, RecordPinned
from duragent.journal.record import Record
from duragent.session.shown_records import MOST, MOST_CHARS, ShownRecords


def summary(text: str = "what was said") -> HistorySummarised:
    return HistorySummarised(level=1, first_seq=1, last_seq=2, text=text, source_sha256="", tokens=1)


class Log:
    def __init__(self, event: Event) -> None:
        self.event, self.asked = event, list[int]()

    async def read(self, after: int, limit: int) -> list[Record]:
        assert limit == 1
        self.asked.append(after + 1)
        return [Record(after + 1, "", self.event)]


async def test_what_stands_for_the_past_is_read_once() -> None:
    events: list[Event] = [summary(), RecordPinned(record=1, text="x", by="me")]
    for event in events:
        log = Log(event)
        shown = ShownRecords(log.read)
        assert await shown.at(7, ()) == await shown.at(7, ()) == [Record(7, "", event)]
        assert log.asked == [7]


async def test_other_records_and_long_ones_are_read_each_time() -> None:
    events: list[Event] = [summary("x" * (MOST_CHARS + 1)), MessageReceived(message_id="m", text="hello")]
    for event in events:
        log = Log(event)
        shown = ShownRecords(log.read)
        await shown.at(7, ())
        await shown.at(7, ())
        assert log.asked == [7, 7]


async def test_all_are_read_again_when_a_text_was_forgotten() -> None:
    log = Log(summary())
    shown = ShownRecords(log.read)
    await shown.at(7, ())
    log.event = summary("(forgotten)")
    assert await shown.at(7, (9,)) == [Record(7, "", summary("(forgotten)"))]


async def test_only_so_many_are_remembered() -> None:
    log = Log(summary())
    shown = ShownRecords(log.read)
    for seq in range(1, MOST + 2):
        await shown.at(seq, ())
    await shown.at(MOST + 1, ())
    await shown.at(1, ())
    assert log.asked == [*range(1, MOST + 2), 1]

"""What a session adds to inputs about its past: the text of a pinned record, and the parts of a summary."""

from duragent.journal.covered import PIN_CHARS
from duragent.journal.events import HistorySummarised, RecordPinned, SummaryPart
from duragent.journal.inputs import ExpandSummary, Pin
from duragent.journal.said import said_in
from duragent.session.log_reader import LogReader
from duragent.text import cut_to


async def with_texts(log: LogReader, posted: Pin | ExpandSummary) -> Pin | ExpandSummary:
    """The input with what the log says of it; unchanged when the log has no such record."""
    if isinstance(posted, Pin):
        return posted.model_copy(update={"text": await _pinned(log, posted.seq)})
    return posted.model_copy(update={"children": await _children(log, posted.summary)})


async def pinned_text(log: LogReader, since: int) -> str:
    """What of a pinned record stays in sight, by the record that pinned it; "" when it is not there."""
    found = await log.read_records(since - 1, 1)
    return found[0].event.text if found and isinstance(found[0].event, RecordPinned) else ""


async def _pinned(log: LogReader, seq: int) -> str:
    for record in await log.read_records(seq - 1, 1) if seq > 0 else ():
        if (said := said_in(record.event)) is not None:
            who, text = said
            return cut_to(f"{who}: {' '.join(text[: 4 * PIN_CHARS].split())}", PIN_CHARS - 1)
    return ""


async def _children(log: LogReader, seq: int) -> tuple[SummaryPart, ...]:
    parts: list[SummaryPart] = []
    for record in await log.read_records(seq - 1, 1) if seq > 0 else ():
        if isinstance(record.event, HistorySummarised):
            for child in record.event.children:
                parts += [
                    _part(found.seq, found.event)
                    for found in await log.read_records(child - 1, 1)
                    if isinstance(found.event, HistorySummarised)
                ]
    return tuple(parts)


def _part(seq: int, event: HistorySummarised) -> SummaryPart:
    return SummaryPart(
        level=event.level, first_seq=event.first_seq, last_seq=event.last_seq, seq=seq, tokens=event.tokens
    )

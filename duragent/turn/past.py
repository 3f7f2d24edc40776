"""What a request reads of the log: the records behind the boundary, and the texts that stand for those before it."""

from dataclasses import dataclass, replace

from duragent.agent.load import Agent
from duragent.context.build import Frame
from duragent.context.viewport import NO_PAST, PastTexts, ShownPast, past
from duragent.errors import Damaged
from duragent.journal.covered import ALL_SHOWN, Coverage
from duragent.journal.events import HistorySummarised, RecordPinned
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.memory.zones import FAR_BEHIND, MOST_RECORDS
from duragent.turn.history import HasRecords, History, HistoryNeed


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """What was read for a request."""

    records: list[Record]
    """The newest records, oldest first."""
    from_start: bool
    """Before them there are only records that `past` tells of."""
    past: ShownPast
    """What stands for the records before the boundary."""


def coverage_of(agent: Agent, state: SessionState) -> Coverage:
    """What summaries stand for; nothing where the agent wants none."""
    return ALL_SHOWN if agent.spec.session.context.summaries == "off" else state.viewport.coverage


async def read_history(history: History, agent: Agent, frame: Frame) -> ReadHistory:
    """What the request at the end of this history is made from."""
    state = history.state
    at = coverage_of(agent, state)
    # A part of what is read is not shown, so it is more than what fits.
    history_tokens, turn_tokens = frame.budget_tokens + frame.budget_tokens // 2, 2 * frame.room_tokens
    every = agent.spec.session.context.summaries != "off" and _is_near(state, frame)
    need = HistoryNeed(history_tokens, turn_tokens, at.boundary, every)
    try:
        records, from_start = await history.newest(need)
    except Damaged as error:
        if not (every and error.is_of_blob):
            raise
        # A text was lost. It may lie so far back that the request does not show it, and then the session goes on.
        records, from_start = await history.newest(replace(need, all_behind=False))
    return ReadHistory(records, from_start, await past_of(history, at, agent, frame))


def _is_near(state: SessionState, frame: Frame) -> bool:
    """Whether what is behind the boundary is little enough to be read whole."""
    at = state.viewport.coverage
    return at.tokens <= FAR_BEHIND * frame.budget_tokens and state.seq - at.boundary <= FAR_BEHIND * MOST_RECORDS


async def past_of(history: HasRecords, at: Coverage, agent: Agent, frame: Frame) -> ShownPast:
    """What stands for the records up to that boundary."""
    if not at.boundary:
        return NO_PAST
    summaries: dict[int, tuple[str, str]] = {}
    pins: dict[int, str] = {}
    for seq in (*(each.seq for each in at.frontier), *(pin.since for pin in at.shown_pins)):
        for record in await history.read_records(seq - 1, 1):
            match record.event:
                case HistorySummarised() as event:
                    summaries[seq] = (event.text, event.facts)
                case RecordPinned() as event:
                    pins[seq] = event.text
                case _:
                    pass
    spec = agent.spec.session.context
    texts = PastTexts(summaries, pins)
    return past(at, texts, spec, room_tokens=frame.budget_tokens, can_read=frame.reads_past)

"""A log that goes on under another id, or without its last records: what winds it up. Pure."""

from collections.abc import Sequence

from duragent.journal import beside_turns
from duragent.journal.apply import reduce
from duragent.journal.events import AllowanceRevoked, Event, ModelFailed, SessionPaused, ToolFinished, TurnEnded
from duragent.journal.record import Record, crc_seed, encode
from duragent.journal.state import OpenCall, SessionState

NOT_RUN = "The call was not run: {why}."
MAY_HAVE_RUN = "OUTCOME UNKNOWN: {why} while this ran. It may have completed. Check before repeating."


def wound_up(state: SessionState, why: str) -> list[Event]:
    """The events that end the open turn, and what a person allowed until the session ends.

    Nothing of the turn is done again: how far it came elsewhere cannot be known.

    `why` is the beginning of a sentence ("the session was forked"). Where messages wait for an answer the session is
    paused: a person's next message is answered together with them.
    """
    events = beside_turns.wound_up(state, why)
    # What a person allowed there says nothing of this log; and a repair may have cut off that it was taken back.
    events += [AllowanceRevoked(patterns=state.allowed, by=why)] if state.allowed else []
    turn = state.turn
    if turn is not None:
        asking = turn.asking
        if asking is not None and asking.status == "open":
            place: dict[str, object] = {"turn": turn.id, "step": asking.step, "attempt": asking.attempt}
            failed = {"error": "interrupted", "message": why}
            events.append(ModelFailed.model_validate(place | asking.possible | failed))
        events += [_settled(turn.id, call, why) for call in turn.calls]
        events.append(TurnEnded(turn=turn.id, outcome="paused", code="wound-up", reason=f"{why} in the middle of it"))
    return [*events, SessionPaused(reason=f"{why}; send a message to go on")] if state.waiting else events


def _settled(turn: str, call: OpenCall, why: str) -> ToolFinished:
    content = (MAY_HAVE_RUN if call.attempt else NOT_RUN).format(why=why)
    return ToolFinished(turn=turn, call=call.call, tool=call.tool, outcome="interrupted", content=content)


def closing(state: SessionState, events: Sequence[Event], ts: str) -> tuple[list[bytes], SessionState]:
    """The events as lines that follow the state, in one group, and the state after them."""
    count, seed = len(events), crc_seed(state.session_id)
    marks = [f"{at}/{count}" if count > 1 else None for at in range(1, count + 1)]
    records = [
        Record(state.seq + at, ts, event, mark) for at, (event, mark) in enumerate(zip(events, marks, strict=True), 1)
    ]
    return [encode(record, seed).line for record in records], reduce(state, records)

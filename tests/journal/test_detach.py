"""What ends a log that is copied, forked or repaired in the middle of something."""

from collections.abc import Sequence

import pytest

from duragent.journal.detach import MAY_HAVE_RUN, NOT_RUN, closing, wound_up
from duragent.journal.events import AllowanceRevoked, Event, ModelFailed, SessionPaused, ToolFinished, TurnEnded
from duragent.journal.limits import TurnLimits
from duragent.journal.next_step import next_step
from duragent.journal.record import Record, crc_seed, decode
from duragent.journal.scan import scan
from tests.journal.histories import (
    ASKED,
    BEGUN,
    CLOSED,
    MESSAGE,
    called,
    decided,
    ended,
    finished,
    folded,
    lost,
    message,
    replied,
    requested,
    started,
)

WHY = "the session was forked"
ALLOWING = [*ASKED, requested(), decided("allow_session", patterns=("bash:make *",))]
END = TurnEnded(turn="t", outcome="paused", code="wound-up", reason=f"{WHY} in the middle of it")
PAUSE = SessionPaused(reason=f"{WHY}; send a message to go on")


def settled(call: str, content: str) -> ToolFinished:
    return ToolFinished(turn="t", call=call, tool="bash", outcome="interrupted", content=content.format(why=WHY))


OF_BOTH = [settled("c1", NOT_RUN), settled("c2", NOT_RUN)]
OF_STARTED = [settled("c1", MAY_HAVE_RUN), settled("c2", NOT_RUN)]
CUT_OFF = ModelFailed(turn="t", step=1, attempt=1, error="interrupted", message=WHY)


@pytest.mark.parametrize(
    ("history", "events"),
    [
        ([], []),
        ([*BEGUN, called(), replied(), ended("completed")], []),
        ([MESSAGE], [PAUSE]),
        ([message(source="legacy")], []),
        (BEGUN, [END, PAUSE]),
        ([*BEGUN, called(reserved_tokens=0)], [CUT_OFF.model_copy(update={"possible_tokens": 0}), END, PAUSE]),
        (
            [*BEGUN, called(reserved_tokens=70, reserved_usd=0.5)],
            [CUT_OFF.model_copy(update={"possible_tokens": 70, "possible_usd": 0.5}), END, PAUSE],
        ),
        ([*BEGUN, called(), replied()], [END]),
        (ASKED, [*OF_BOTH, END]),
        ([*ASKED, MESSAGE], [*OF_BOTH, END, PAUSE]),
        ([*ASKED, requested()], [*OF_BOTH, END]),
        ([*ASKED, requested(), decided("allow_once")], [*OF_BOTH, END]),
        (ALLOWING, [AllowanceRevoked(patterns=("bash:make *",), by=WHY), *OF_BOTH, END]),
        ([*ALLOWING, CLOSED], [*OF_BOTH, END]),
        ([*ASKED, started(attempt=1)], [*OF_STARTED, END]),
        ([*ASKED, started(attempt=1), lost(asks=True)], [*OF_STARTED, END]),
        ([*ASKED, finished("c1")], [settled("c2", NOT_RUN), END]),
    ],
)
def test_what_is_open_is_settled_and_nothing_is_done_again(history: Sequence[Event], events: Sequence[Event]) -> None:
    assert wound_up(folded(history), WHY) == events


@pytest.mark.parametrize(
    "history",
    [[MESSAGE], BEGUN, [*BEGUN, called()], ASKED, [*ASKED, requested()], [*ASKED, started()], [*BEGUN, CLOSED]],
)
def test_a_log_that_was_wound_up_does_nothing_by_itself(history: Sequence[Event]) -> None:
    state = folded([*history, *wound_up(folded(history), WHY)])
    assert (state.turn, state.has_work, next_step(state, TurnLimits())) == (None, False, None)


@pytest.mark.parametrize("events", [[END], [*OF_BOTH, END, PAUSE]])
def test_closing_lines_follow_the_state_as_one_group(events: Sequence[Event]) -> None:
    before, ts = folded(ASKED), "2026-01-02T00:00:00.000Z"
    lines, after = closing(before, events, ts)
    found = scan(b"".join(lines), crc_seed("s"), after=before.seq)
    assert (found.verdict, found.seq) == ("clean", before.seq + len(events))
    records = [decode(line, crc_seed("s")) for line in lines]
    count = len(events)
    marks = [None] if count == 1 else [f"{n}/{count}" for n in range(1, count + 1)]
    assert records == [
        Record(before.seq + n, ts, event, mark) for n, (event, mark) in enumerate(zip(events, marks, strict=True), 1)
    ]
    assert (after.seq, after.turn) == (before.seq + count, None)


def test_nothing_to_close_leaves_the_state_as_it_is() -> None:
    before = folded(ASKED)
    assert closing(before, [], "") == ([], before)

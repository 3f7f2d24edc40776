"""How far back a request reads, and where a call stands in the log."""

from collections.abc import Sequence

import pytest

from duragent.errors import StoreError
from duragent.journal.events import Call, MessageReceived, ModelReplied
from duragent.journal.record import Record
from duragent.journal.state import OpenTurn, SessionState
from duragent.turn.history import HistoryNeed, Reach, read_call

IDLE = SessionState("s", seq=100)
IN_TURN = SessionState("s", seq=100, turn=OpenTurn("t", trigger=80))


@pytest.mark.parametrize(
    ("need", "state", "steps", "enough"),
    [
        (HistoryNeed(10), IDLE, [(90, 40)], False),
        (HistoryNeed(10), IDLE, [(90, 41)], True),
        (HistoryNeed(10, 100), IN_TURN, [(90, 400)], False),
        (HistoryNeed(10, 100), IN_TURN, [(90, 401)], True),
        (HistoryNeed(200, 100), IN_TURN, [(90, 401)], False),
        (HistoryNeed(10, 100), IN_TURN, [(90, 41), (70, 40)], False),
        (HistoryNeed(10, 100), IN_TURN, [(90, 41), (70, 41)], True),
        (HistoryNeed(0), IDLE, [(100, 1)], True),
    ],
)
def test_reading_ends_when_history_and_turn_have_what_they_need(
    need: HistoryNeed, state: SessionState, steps: Sequence[tuple[int, int]], enough: bool
) -> None:
    reach, before = Reach(need, state), state.seq + 1
    for first, size in steps:
        assert not reach.enough(before)
        reach.take(first, size)
        before = first
    assert reach.enough(before) is enough


class Log:
    """A log with one reply at seq 7."""

    def __init__(self, state: SessionState) -> None:
        self.state = state
        calls = (Call(call="c1", tool="bash", arguments="{}"), Call(call="c2", tool="think", arguments='{"a": 1}'))
        self._records = [
            Record(6, "2026-01-01T00:00:00.000Z", MessageReceived(message_id="m", text="hi")),
            Record(7, "2026-01-01T00:00:00.000Z", ModelReplied(message_id="r", turn="t", calls=calls)),
        ]

    async def newest(self, need: HistoryNeed) -> tuple[list[Record], bool]:
        return self._records, False

    async def blob(self, sha256: str) -> bytes:
        raise AssertionError(f"no record refers to {sha256}")

    async def read_records(self, after: int, limit: int) -> list[Record]:
        return [record for record in self._records if record.seq > after][:limit]


async def test_call_is_read_as_the_model_wrote_it() -> None:
    log = Log(SessionState("s", seq=7, turn=OpenTurn("t", trigger=6, reply_seq=7)))
    assert await read_call(log, "c2") == Call(call="c2", tool="think", arguments='{"a": 1}')


@pytest.mark.parametrize(
    "state",
    [
        SessionState("s", seq=7),
        SessionState("s", seq=7, turn=OpenTurn("t", trigger=6)),
        SessionState("s", seq=7, turn=OpenTurn("t", trigger=6, reply_seq=6)),
        SessionState("s", seq=7, turn=OpenTurn("t", trigger=6, reply_seq=7)),
    ],
)
async def test_call_that_the_log_does_not_have_is_an_error_of_the_store(state: SessionState) -> None:
    with pytest.raises(StoreError, match="the log has no call 'c3'"):
        await read_call(Log(state), "c3")

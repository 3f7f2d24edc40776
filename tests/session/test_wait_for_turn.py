"""Waiting for the answer to message 3, in a session whose watch is a script."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from duragent.bus import Block, OutputDelta
from duragent.errors import DuragentError, Unavailable
from duragent.journal.answer import AnswerFold
from duragent.journal.apply import reduce
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    Call,
    Event,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    SessionPaused,
    SessionResumed,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.wait_for_turn import wait_for_turn
from duragent.session.watch import LogHead, ReplayEnd, Watched

N = 3
BEGUN = (
    TurnStarted(turn="t", trigger=N),
    ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=4),
)
REPLIED = ModelReplied(message_id="m", turn="t", text="yes")
DONE = TurnEnded(turn="t", outcome="completed")
LOOKS = ModelReplied(message_id="m", turn="t", calls=(Call(call="c", tool="bash", arguments="{}"),))
ASKS = ApprovalRequested(turn="t", call="c", tool="bash", arguments_sha256="5a")
ALLOWED = ApprovalDecided(turn="t", call="c", decision="allow_once", arguments_sha256="5a")
PAUSE, RESUME = SessionPaused(reason="lunch"), SessionResumed()


class ScriptedSession:
    """Its watch gives the first `old` records at once, and then each of the others; `decoded` are those it gave out."""

    def __init__(self, *events: Event, old: int = 0, problem: DuragentError | None = None) -> None:
        said = MessageReceived(message_id="m", text="hi")
        self.log = [Record(seq, "", event) for seq, event in enumerate((said, *events), N)]
        self.old, self.problem, self.decoded = old + 1, problem, list[int]()
        self.state = self._state_at(self.old)

    def _state_at(self, count: int) -> SessionState:
        return reduce(SessionState("s"), self.log[:count])

    @asynccontextmanager
    async def watch(self, after: int) -> AsyncIterator[AsyncIterator[Watched]]:
        yield self._items(after)

    async def _items(self, after: int) -> AsyncGenerator[Watched, None]:
        yield LogHead(self.state.seq, 1, "log")
        if self.state.seq > after:
            yield Block(b"%d %d" % (after, self.state.seq), after + 1, self.state.seq)
        yield ReplayEnd()
        yield OutputDelta("t", 1, 1, "text", 0, "ye")
        for number in range(self.old, len(self.log)):
            self.state = self._state_at(number + 1)
            seq = self.state.seq
            yield Block(b"%d %d" % (seq - 1, seq), seq, seq)

    async def records(self, lines: bytes) -> list[Record]:
        after, last = map(int, lines.split())
        given = [record for record in self.log if after < record.seq <= last]
        self.decoded += [record.seq for record in given]
        return given


async def answer_in(session: ScriptedSession) -> tuple[str, str, int]:
    answer, after = await wait_for_turn(session, AnswerFold(N), N)
    return (answer.outcome, answer.reason, after) if answer else ("", "", after)


@pytest.mark.parametrize(
    ("events", "old", "answer"),
    [
        ((*BEGUN, REPLIED, DONE), 0, ("completed", "", 7)),
        ((*BEGUN, REPLIED, DONE), 4, ("completed", "", 7)),
        ((*BEGUN, PAUSE), 0, ("paused", "lunch", 6)),
        ((*BEGUN, PAUSE, RESUME, REPLIED, DONE), 0, ("paused", "lunch", 6)),
        ((*BEGUN, PAUSE, RESUME, REPLIED, DONE), 4, ("completed", "", 9)),
        ((*BEGUN, LOOKS, ASKS, ALLOWED), 0, ("waiting", "a person has to decide about a tool call", 7)),
        ((*BEGUN, LOOKS, ASKS, ALLOWED), 5, ("", "", 8)),
        ((), 0, ("", "", 3)),
    ],
)
async def test_a_wait_ends_with_the_turn_or_when_it_stands_still_now(
    events: Sequence[Event], old: int, answer: tuple[str, str, int]
) -> None:
    assert await answer_in(ScriptedSession(*events, old=old)) == answer


async def test_a_pause_that_is_older_than_the_first_record_is_known_from_the_state() -> None:
    session = ScriptedSession()
    session.state = reduce(session.state, [Record(N, "", PAUSE)])
    assert await answer_in(session) == ("paused", "lunch", N)


async def test_nothing_after_the_end_is_decoded_and_nothing_twice() -> None:
    session = ScriptedSession(*BEGUN, REPLIED, DONE, PAUSE, RESUME, old=1)
    await answer_in(session)
    assert session.decoded == [4, 5, 6, 7]


async def test_a_wait_goes_on_where_the_watch_before_ended() -> None:
    fold = AnswerFold(N)
    _, after = await wait_for_turn(ScriptedSession(*BEGUN), fold, N)
    again = ScriptedSession(*BEGUN, REPLIED, DONE, old=3)
    answer, after = await wait_for_turn(again, fold, after)
    assert answer is not None
    assert (answer.outcome, after, again.decoded) == ("completed", 7, [6, 7])


async def test_a_session_with_a_problem_ends_the_wait_at_its_newest_record() -> None:
    session = ScriptedSession(*BEGUN, REPLIED, DONE, old=2, problem=Unavailable("the disk is gone"))
    assert await answer_in(session) == ("", "", 5)

"""The waiting POST, `/stream` and the client tell the same of a message, whatever happened in its session.

Each of them is fed the same history at the same pace: some of it as a replay, the rest live, commit by commit.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from duragent.bus import Block
from duragent.client.address import Endpoint, always
from duragent.client.client import Client
from duragent.client.turn import OLDER_PAUSE, TurnResult, ask, rest_of_turn
from duragent.client.watch import CaughtUp, Item
from duragent.errors import DuragentError
from duragent.http.sse import Decoder
from duragent.journal.answer import AnswerFold, TurnAnswer
from duragent.journal.events import ApprovalDecided, ToolResolved
from duragent.journal.question import question_of
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.server.mapping import session_info
from duragent.server.problems import RequestRefused
from duragent.server.routes.approvals import completed
from duragent.server.routes.messages import answer_of
from duragent.server.routes.stream import AnswerStream
from duragent.session.wait_for_turn import wait_for_turn
from duragent.session.watch import LogHead, ReplayEnd, Watched
from duragent.wire import Accepted, Answer, Approval, ApprovalList, Completed, SendMessage, SessionInfo
from tests.support.histories import CHOICES, History, history


@dataclass(frozen=True)
class Seen:
    """What one of them tells of a message. `seq`: after which record; 0 when it still waits at the end."""

    outcome: str = ""
    seq: int = 0
    code: str = ""
    reason: str = ""
    text: str = ""
    text_seq: int = 0


@dataclass
class Play:
    """A session that happens: the first `replayed` commits are history when somebody begins to wait for `seq`."""

    happened: History
    replayed: int
    seq: int
    state: SessionState
    problem: DuragentError | None = None

    @property
    def turn(self) -> str:
        """The turn that was decided about; "" when `seq` is a message."""
        event = self.happened.records[self.seq - 1].event
        return event.turn if isinstance(event, ApprovalDecided | ToolResolved) else ""

    @asynccontextmanager
    async def watch(self, after: int) -> AsyncIterator[AsyncIterator[Watched]]:
        yield self._watched(after)

    async def _watched(self, after: int) -> AsyncGenerator[Watched, None]:
        self.state = self.happened.states[self.replayed - 1]
        yield LogHead(self.state.seq, 1, "log")
        for number, batch in enumerate(self.happened.batches):
            if number == self.replayed:
                yield ReplayEnd()
            if batch[-1].seq > after:
                self.state = self.happened.states[max(number, self.replayed - 1)]
                yield Block(b"%d %d" % (number, after), max(batch[0].seq, after + 1), batch[-1].seq)
        if self.replayed == len(self.happened.batches):
            yield ReplayEnd()

    async def records(self, lines: bytes) -> list[Record]:
        number, after = map(int, lines.split())
        return [record for record in self.happened.batches[number] if record.seq > after]

    def question(self) -> Approval | None:
        call = self.state.asks
        question = question_of(self.state, self.happened.records[call.asked_seq - 1]) if call else None
        return None if question is None else Approval.of(question)


class PlayedClient(Client):
    """A client whose server is a play."""

    def __init__(self, play: Play) -> None:
        super().__init__(always(Endpoint("http://127.0.0.1:9", None, local=True)))
        self.play = play
        self.seen = 0

    async def post_message(self, session_id: str, message: SendMessage, *, key: str | None = None) -> Accepted:
        return Accepted(session_id=session_id, message_id="m", seq=self.play.seq)

    async def session(self, session_id: str) -> SessionInfo:
        return session_info(self.play.state)

    async def approvals(self, *, agent: str | None = None, session_id: str | None = None) -> ApprovalList:
        question = self.play.question()
        return ApprovalList(approvals=[question] if question else [])

    async def watch(
        self, session_id: str, *, after: int | None = None, tail: int | None = None
    ) -> AsyncGenerator[Item, None]:
        async with self.play.watch(after or 0) as items:
            async for item in items:
                if isinstance(item, ReplayEnd):
                    yield CaughtUp()
                elif isinstance(item, Block):
                    self.seen = item.last_seq
                    for record in await self.play.records(item.lines):
                        yield record


async def waited(play: Play) -> Seen:
    """The waiting POST."""
    fold, after = AnswerFold(play.seq, play.turn), play.seq
    answer, after = await wait_for_turn(play, fold, after)
    if answer is None:
        return Seen()
    if answer.outcome == "waiting":
        return Seen("waiting", after, answer.code)
    return _posted(answer, after, play)


def _posted(answer: TurnAnswer, after: int, play: Play) -> Seen:
    try:
        body: Answer | Completed = completed(answer, play.seq) if play.turn else answer_of(answer, play.seq)
    except RequestRefused as refused:
        outcome = {"model-failed": "failed", "turn-paused": "paused"}[refused.code]
        return Seen(outcome, after, answer.code, refused.detail)
    outcome = "cancelled" if body.interrupted else "completed"
    return Seen(outcome, after, text=body.content, text_seq=body.seq if body.content else 0)


async def asked(play: Play) -> Seen:
    """`duragent ask` and `duragent approve`."""
    async with PlayedClient(play) as client:
        if play.turn:
            result = await rest_of_turn(client, "s", play.seq)
        else:
            result = await ask(client, "s", "hi", key="k")
    return _printed(result, client.seen)


def _printed(result: TurnResult, seen: int) -> Seen:
    if result.outcome == "running":
        return Seen()
    if result.outcome == "waiting":
        return Seen("waiting", seen, result.code)
    if result.outcome in ("completed", "cancelled"):
        return Seen(result.outcome, seen, text=result.text, text_seq=result.seq or 0)
    # Without a reason each has words of its own for people.
    own = "the turn waits for a person" if result.outcome == "paused" else result.code
    return Seen(result.outcome, seen, result.code, result.reason or own)


async def streamed(play: Play) -> Seen:
    """`/stream`, up to its end or to the first question."""
    stream, frames, after, live = AnswerStream(play.seq), b"", play.seq, False
    async with play.watch(play.seq) as items:
        async for item in items:
            if isinstance(item, Block):
                after = item.last_seq
                frames += stream.records(await play.records(item.lines)) + stream.pause()
                older = False
            elif isinstance(item, ReplayEnd):
                live = True
                frames += stream.caught_up()
                older = play.question() is not None
            else:
                continue
            if stream.ended:
                return _framed(frames, after)
            if live and after >= play.state.seq and (older or stream.question is not None):
                return Seen("waiting", after, "approval-required")
    return Seen()


def _framed(frames: bytes, after: int) -> Seen:
    last = list(Decoder().feed(frames))[-1]
    fields = json.loads(last.data)
    match last.event:
        case "done":
            return Seen("completed", after, text=fields["content"], text_seq=fields["seq"])
        case "cancelled":
            return Seen("cancelled", after)
        case "error":
            outcome = "paused" if fields["code"] == "turn-paused" else "failed"
            return Seen(outcome, after, fields["code"], fields["message"])
    raise AssertionError(last)


def _without_a_text_of_the_end(seen: Seen) -> Seen:
    """What `/stream` tells of an end: only of a completed turn the text; of a pause not which limit it was."""
    if seen.outcome == "cancelled":
        return Seen("cancelled", seen.seq)
    return Seen(seen.outcome, seen.seq, "turn-paused", seen.reason) if seen.outcome == "paused" else seen


def _said_by_a_cancelled_turn(posted: Seen, printed: Seen) -> bool:
    """A command prints of a stopped turn also what it said before; the POST has the stopped attempt alone."""
    same_end = (posted.outcome, posted.seq) == (printed.outcome, printed.seq) and posted.outcome == "cancelled"
    return same_end and (not posted.text or (posted.text, posted.text_seq) == (printed.text, printed.text_seq))


async def tell_the_same(choices: list[int], chosen: int, replayed: int) -> Seen | None:
    happened = history(choices)
    seqs = happened.questions_of_answers()
    if not seqs:
        return None
    seq = seqs[chosen % len(seqs)]
    first = next(number for number, batch in enumerate(happened.batches, 1) if batch[-1].seq >= seq)
    play = Play(happened, first + replayed % (len(happened.batches) - first + 1), seq, happened.state)
    posted, printed = await waited(play), await asked(play)
    if play.turn:
        # `/stream` is for messages.
        shown = _without_a_text_of_the_end(posted)
    else:
        shown = await streamed(play)
    assert shown == _without_a_text_of_the_end(posted)
    if printed.reason == OLDER_PAUSE:
        # A client cannot know why the session was paused before the decision.
        printed = replace(printed, reason=posted.reason)
    assert printed == posted or _said_by_a_cancelled_turn(posted, printed)
    return posted


REPLAYED = st.one_of(st.just(0), st.integers(0, 99))
"""Of the commits after the message: mostly the wait begins at once."""


@settings(max_examples=150)
@given(CHOICES, st.integers(0, 99), REPLAYED)
async def test_the_post_the_stream_and_the_client_tell_the_same(choices: list[int], chosen: int, replayed: int) -> None:
    await tell_the_same(choices, chosen, replayed)


async def test_a_pause_before_a_question_that_was_replayed_is_told_to_all() -> None:
    choices = [51, 40, 4, 3, 6, 21, 48, 1, 9, 58, 44, 0, 13, 22, 32, 55, 42, 42, 8, 50, 54, 38, 39]
    told = await tell_the_same(choices, 95, 44)
    assert told is not None
    assert told.outcome == "paused"


async def test_these_histories_have_every_kind_of_answer() -> None:
    """The histories that hypothesis draws are worth something: a few hundred of them meet each outcome."""
    outcomes = set()
    for start in range(300):
        numbers = [(start * 7919 + at * at * 31 + at * 17) % 100 for at in range(10 + start % 90)]
        seen = await tell_the_same(numbers, start, start % 3 * start)
        outcomes.add(seen.outcome if seen else None)
    assert outcomes >= {"", "completed", "cancelled", "failed", "paused", "waiting"}

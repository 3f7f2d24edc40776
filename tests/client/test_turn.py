"""Waiting for the turn of a message or of a decision, over `watch`."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from duragent.client.address import Endpoint, always
from duragent.client.client import Client
from duragent.client.turn import OLDER_PAUSE, TurnResult, ask, rest_of_turn, result_of
from duragent.client.watch import CaughtUp, Connected, Item, Reconnecting, Reset
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    Event,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionPaused,
    SessionResumed,
    TokenCounts,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.events.base import EventModel
from duragent.journal.record import Record
from duragent.wire import Accepted, Approval, ApprovalList, SendMessage, SessionInfo

TS = "2026-11-20T23:58:16.123Z"
N = 10
STARTED, REPLIED = TurnStarted(turn="t", trigger=N), ModelReplied(message_id="m", turn="t", text="yes")
CALLED = ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=N)
DONE = TurnEnded(turn="t", outcome="completed")
PAUSE, RESUME = SessionPaused(reason="lunch"), SessionResumed()
ASKS = ApprovalRequested(turn="t", call="c", tool="bash", arguments_sha256="5a")
ALLOWED = ApprovalDecided(turn="t", call="c", decision="allow_once", arguments_sha256="5a")
APPROVAL = Approval(
    session_id="s",
    agent="a",
    title="",
    kind="approval",
    call_id="c",
    tool="bash",
    command="rm x",
    arguments_sha256="5a",
    requested_at=TS,
    seq=9,
)
COMPLETED = TurnResult(
    N, "completed", "yes", seq=12, message_id="m", model="", usage=TokenCounts(), finish_reason="stop"
)
PAUSED = TurnResult(N, "paused", code="turn-paused", reason="lunch")
WAITING = TurnResult(N, "waiting", code="approval-required", reason="a tool call waits for approval", approval=APPROVAL)


class ScriptedClient(Client):
    """A client whose watch gives these items; what it looks up is counted."""

    def __init__(self, *items: Event | Item, status: str = "running", head: int = N, approval: bool = False) -> None:
        super().__init__(always(Endpoint("http://127.0.0.1:9", None, local=True)))
        self.items, self.head, self.looked = items, head, list[str]()
        self.status, self.approvals_left = status, [APPROVAL] if approval else []

    async def post_message(self, session_id: str, message: SendMessage, *, key: str | None = None) -> Accepted:
        return Accepted(session_id=session_id, message_id="m", seq=N)

    async def session(self, session_id: str) -> SessionInfo:
        self.looked.append("session")
        waits_for = "c" if self.approvals_left else None
        fields = {"session_id": "s", "agent": "a", "created_at": TS, "updated_at": TS, "head": self.head}
        return SessionInfo.model_validate(fields | {"status": self.status, "waits_for": waits_for})

    async def approvals(self, *, agent: str | None = None, session_id: str | None = None) -> ApprovalList:
        self.looked.append("approvals")
        return ApprovalList(approvals=self.approvals_left)

    async def watch(
        self, session_id: str, *, after: int | None = None, tail: int | None = None
    ) -> AsyncGenerator[Item, None]:
        """Events are records, from the one behind `after` on, which is the message or the decision."""
        assert after == N - 1
        seq = N
        for item in self.items:
            if isinstance(item, EventModel):
                seq += 1
                yield Record(seq - (self.items[0] == ALLOWED), TS, item)
            else:
                yield item


LIVE = CaughtUp()
LOST, BACK = Reconnecting(1, "gone"), Connected()


@pytest.mark.parametrize(
    ("items", "result"),
    [
        ((LIVE, STARTED, REPLIED, DONE), COMPLETED),
        ((STARTED, REPLIED, DONE, LIVE), COMPLETED),
        ((LIVE, PAUSE), PAUSED),
        ((PAUSE, LIVE), PAUSED),
        ((PAUSE, RESUME, LIVE), TurnResult(N)),
        ((LIVE, STARTED, LOST, BACK, PAUSE, LIVE), PAUSED),
        ((LIVE, STARTED, LOST, BACK, PAUSE, RESUME, LIVE), TurnResult(N)),
        ((LIVE, STARTED), TurnResult(N)),
    ],
)
async def test_a_message_is_answered_when_its_turn_ends_or_stands_still(
    items: tuple[Event | Item, ...], result: TurnResult
) -> None:
    async with ScriptedClient(*items) as client:
        assert await ask(client, "s", "hi") == result


async def test_another_log_is_read_from_its_start() -> None:
    # The pause is in the log that is gone.
    async with ScriptedClient(PAUSE, Reset(), STARTED, REPLIED, DONE, LIVE) as client:
        assert await ask(client, "s", "hi") == replace(COMPLETED, seq=13)
    async with ScriptedClient(PAUSE, Reset(), STARTED, LIVE) as client:
        assert await ask(client, "s", "hi") == TurnResult(N)


@pytest.mark.parametrize("items", [(LIVE,), (STARTED, CALLED, ASKS, LIVE), (LIVE, STARTED, CALLED, ASKS)])
async def test_a_question_is_looked_up_and_handed_over(items: tuple[Event | Item, ...]) -> None:
    async with ScriptedClient(*items, approval=True) as client:
        assert await ask(client, "s", "hi") == WAITING


@pytest.mark.parametrize(
    ("items", "looked"),
    [
        ((STARTED, LIVE, REPLIED, DONE), []),
        ((LIVE, STARTED, REPLIED, DONE), ["approvals"]),
        ((LIVE, STARTED, CALLED, REPLIED, DONE), ["approvals"]),
        ((STARTED, ASKS, ALLOWED, LIVE, REPLIED, DONE), []),
    ],
)
async def test_the_server_is_asked_once_and_not_when_the_turn_has_begun(
    items: tuple[Event | Item, ...], looked: list[str]
) -> None:
    async with ScriptedClient(*items) as client:
        assert (await ask(client, "s", "hi")).outcome == "completed"
    assert client.looked == looked


async def test_a_question_that_was_answered_meanwhile_is_none() -> None:
    async with ScriptedClient(LIVE, STARTED, ASKS, ALLOWED, REPLIED, DONE) as client:
        assert (await ask(client, "s", "hi")).outcome == "completed"


async def test_the_rest_of_the_turn_of_a_decision_is_waited_for() -> None:
    async with ScriptedClient(ALLOWED, LIVE, REPLIED, DONE) as client:
        assert await rest_of_turn(client, "s", N) == replace(COMPLETED, seq=11)
    assert client.looked == ["session"]


@pytest.mark.parametrize(
    ("status", "head", "approval", "outcome"),
    [
        ("paused", N, False, "paused"),
        ("running", N, False, "running"),
        ("paused", N, True, "running"),
        ("paused", N + 1, False, "running"),
    ],
)
async def test_a_pause_that_is_older_than_the_decision_ends_the_wait(
    status: str, head: int, approval: bool, outcome: str
) -> None:
    async with ScriptedClient(ALLOWED, LIVE, status=status, head=head, approval=approval) as client:
        result = await rest_of_turn(client, "s", N)
    assert result.outcome == outcome
    assert result.reason == (OLDER_PAUSE if outcome == "paused" else "")


async def test_each_item_is_handed_on() -> None:
    seen: list[Item] = []
    async with ScriptedClient(LIVE, LOST, BACK) as client:
        await ask(client, "s", "hi", on_item=seen.append)
    assert seen == [LIVE, LOST, BACK]


# --- what commands print of an answer -------------------------------------------------------------------------------

FAILED = ModelFailed(turn="t", step=1, attempt=1, error="cancelled", partial_text="ye", message_id="p")


@pytest.mark.parametrize(
    ("answer", "text", "seq", "message_id"),
    [
        (TurnAnswer("completed", reply=REPLIED, reply_seq=12), "yes", 12, "m"),
        (TurnAnswer("cancelled", failed=FAILED, failed_seq=14), "ye", 14, "p"),
        (TurnAnswer("cancelled", reply=REPLIED, reply_seq=12, failed=FAILED, failed_seq=14), "ye", 14, "p"),
        (TurnAnswer("cancelled", reply=REPLIED, reply_seq=12), "yes", 12, "m"),
        (TurnAnswer("cancelled"), "", None, None),
        (
            TurnAnswer("failed", "x", "y", REPLIED, 12, FAILED.model_copy(update={"partial_text": ""}), 14),
            "",
            12,
            "m",
        ),
    ],
)
def test_the_text_of_a_result_has_the_seq_and_the_id_of_its_record(
    answer: TurnAnswer, text: str, seq: int | None, message_id: str | None
) -> None:
    result = result_of(answer, N)
    assert (result.text, result.seq, result.message_id) == (text, seq, message_id)
    assert (result.outcome, result.code, result.reason) == (answer.outcome, answer.code, answer.reason)
    assert result.usage == (answer.reply.usage if answer.reply else None)

"""A model that declines to answer: with words, without any, and what is different from an empty answer."""

from pathlib import Path

import pytest

from duragent.journal.apply import reduce
from duragent.journal.events import Call, Event, MessageReceived, ModelCalled, ModelReplied, TurnEnded, TurnStarted
from duragent.journal.limits import TurnLimits
from duragent.journal.next_step import DECLINED, EndTurn, RunTool, next_step
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.models.messages import ModelReply
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house

TS = "2026-01-01T00:00:00.000Z"
CALL = Call(call="call_1", tool="think", arguments="{}")


@pytest.mark.parametrize(
    ("text", "reason", "calls", "outcome"),
    [
        ("hello", "stop", (), "completed"),
        ("", "stop", (), "completed"),
        ("", "length", (), "completed"),
        ("I will not.", "content_filter", (), "completed"),
        ("", "content_filter", (), "failed"),
        (" \n", "content_filter", (), "failed"),
        ("", "content_filter", (CALL,), "goes on"),
        ("", "tool_calls", (CALL,), "goes on"),
    ],
)
def test_only_a_refusal_that_says_nothing_fails_the_turn(
    text: str, reason: str, calls: tuple[Call, ...], outcome: str
) -> None:
    events: list[Event] = [
        MessageReceived(message_id="m", text="hi"),
        TurnStarted(turn="t", trigger=1),
        ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=2),
        ModelReplied(message_id="a", turn="t", text=text, finish_reason=reason, calls=calls),
    ]
    records = (Record(seq, TS, event) for seq, event in enumerate(events, 1))
    step = next_step(reduce(SessionState("s"), records), TurnLimits())
    if outcome == "goes on":
        assert isinstance(step, RunTool)
    else:
        assert isinstance(step, EndTurn)
        assert (step.outcome, step.code) == (outcome, "model-refused" if outcome == "failed" else "")


async def test_a_refusal_is_recorded_with_what_it_cost_and_is_not_asked_again(tmp_path: Path) -> None:
    model = ScriptedModel([ModelReply(finish_reason="content_filter", cost_usd=0.25), "gladly"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert (answered.outcome, answered.code, answered.reason) == ("failed", "model-refused", DECLINED)
        assert len(model.requests) == 1
        assert (await house.sessions.state(session)).totals.cost_usd == 0.25
        again = await house.ask(session, "something else")
        assert again.reply is not None
        assert (again.outcome, again.reply.text) == ("completed", "gladly")
        ends = [event for event in await house.events(session) if isinstance(event, TurnEnded)]
        assert [end.code for end in ends] == ["model-refused", ""]

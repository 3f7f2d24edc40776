"""One question to the model: its attempts, and how each ends in the log."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from duragent.bus import OutputDelta
from duragent.errors import (
    AuthenticationFailed,
    ModelUnavailable,
    RateLimited,
    StoreFull,
)
from duragent.journal.events import (
    ModelCalled,
    ModelFailed,
    TurnEnded,
)
from duragent.journal.inputs import Cancel, Pause, Resume
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ToolCall
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, Line, ScriptedModel
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import open_house
from tests.support.probes import Watched, of_kind


async def test_a_rate_limit_is_waited_out_as_long_as_the_provider_says(tmp_path: Path) -> None:
    clock = FakeClock(hurried=True)
    model = ScriptedModel([RateLimited("slow down", 7.0), ModelUnavailable("502"), "at last"])
    async with open_house(MemoryStore(), model, tmp_path, clock=clock) as house:
        session = await house.new()
        before = clock.monotonic()
        answered = await house.ask(session, "hi")
        assert answered.reply is not None
        assert answered.reply.text == "at last"
        assert answered.reply.attempt == 3
        # 7 s by wish of the provider, then the second pause of the doubling backoff: 2 s.
        assert clock.monotonic() - before == pytest.approx(9.0, abs=0.01)


async def test_the_model_is_asked_four_times_and_then_the_turn_fails_and_says_why(tmp_path: Path) -> None:
    model = ScriptedModel(otherwise=Line(ModelUnavailable("the provider answered 503")))
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert (answered.outcome, answered.code) == ("failed", "model-unavailable")
        assert answered.reason == "the provider answered 503"
        assert len(model.requests) == 4
        failures = [event for event in await house.events(session) if isinstance(event, ModelFailed)]
        assert [failure.retry for failure in failures] == [True, True, True, False]


async def test_a_refused_key_is_final(tmp_path: Path) -> None:
    model = ScriptedModel([AuthenticationFailed("the key was refused"), "never"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert (answered.outcome, answered.code) == ("failed", "authentication-failed")
        assert len(model.requests) == 1


async def test_a_cancelled_answer_keeps_what_was_said(tmp_path: Path) -> None:
    model = ScriptedModel([Line("one two three four", gate=asyncio.Event(), gate_after_chunks=2), "next"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "count")
        async with house.sessions.watch(session, seq) as items:
            async for item in items:
                if getattr(item, "text", "").strip() == "two":
                    break
        receipt = await house.sessions.post(session, Cancel(by="test"))
        assert receipt.changed
        answered = await house.sessions.answer(session, seq)
        assert answered.failed is not None
        assert (answered.outcome, answered.failed.partial_text) == ("cancelled", "one two")
        assert model.abandoned == 1
        await house.ask(session, "and now?")
    assert [(m.role, m.content) for m in model.requests[1].messages[1:]] == [
        ("user", "count"),
        ("assistant", "one two"),
        ("user", "and now?"),
    ]


async def test_a_paused_turn_asks_again_after_resume(tmp_path: Path) -> None:
    model = ScriptedModel([Line("one two", gate=asyncio.Event(), gate_after_chunks=1), "whole"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "hi")
        await model.asked(1)
        await house.sessions.post(session, Pause(reason="nobody is there"))
        while (await house.kinds(session))[-1] != "model_failed":
            await asyncio.sleep(0)
        assert (await house.sessions.state(session)).status == "paused"
        await house.sessions.post(session, Resume())
        answered = await house.sessions.answer(session, seq)
        assert answered.reply is not None
        assert (answered.reply.text, answered.reply.attempt) == ("whole", 2)


async def test_what_a_broken_stream_had_said_is_recorded(tmp_path: Path) -> None:
    broken = Line("one two", chunks=("one ", "two"), error=ModelUnavailable("the connection broke"))
    async with open_house(MemoryStore(), ScriptedModel([broken, "again"]), tmp_path) as house:
        session = await house.new()
        await house.ask(session, "hi")
        failure = next(event for event in await house.events(session) if isinstance(event, ModelFailed))
        assert (failure.error, failure.partial_text, failure.retry) == ("model-unavailable", "one two", True)


async def test_a_silent_model_times_out(tmp_path: Path) -> None:
    model = ScriptedModel([Line("never", gate=asyncio.Event()), "quick"])
    rest = "  session:\n    llm_timeout_seconds: 0.05"
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert answered.reply is not None
        assert answered.reply.text == "quick"
        failure = next(event for event in await house.events(session) if isinstance(event, ModelFailed))
        assert failure.error == "model-timeout"


async def test_each_question_says_what_the_model_had_seen(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["a", "b"]), tmp_path) as house:
        session = await house.new()
        first = await house.say(session, "one")
        await house.sessions.answer(session, first)
        await house.ask(session, "two")
        records = await house.records(session)
        for record in records:
            if isinstance(record.event, ModelCalled):
                assert first <= record.event.input_seq < record.seq
        assert [type(record.event) for record in records][-1] is TurnEnded
        assert [record.seq for record in records] == list(range(1, len(records) + 1))


async def test_an_answer_that_no_record_can_hold_fails_the_turn_once(tmp_path: Path) -> None:
    calls = tuple(ToolCall(id=str(number), name="bash", arguments="x" * 15_000) for number in range(100))
    model = ScriptedModel([ModelReply(calls=calls, finish_reason="tool_calls")])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert (answered.outcome, answered.code) == ("failed", "bad-model-request")
        assert len(model.requests) == 1
        assert house.sessions.trouble() is None


async def test_a_price_that_is_no_number_is_not_known(tmp_path: Path) -> None:
    model = ScriptedModel([ModelReply(text="hello", cost_usd=float("nan"))])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        answered = await house.ask(await house.new(), "hi")
        assert answered.reply is not None
        assert (answered.reply.text, answered.reply.cost_usd) == ("hello", None)


async def test_a_model_that_cancels_itself_has_failed(tmp_path: Path) -> None:
    class Cancelling:
        label = "cancelling"

        async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
            yield ModelDelta(text="one")
            raise asyncio.CancelledError

    async with open_house(MemoryStore(), Cancelling(), tmp_path) as house:
        async with asyncio.timeout(LIMIT_SECONDS):
            answered = await house.ask(await house.new(), "hi")
        assert (answered.outcome, answered.code) == ("failed", "model-unavailable")


class FullStore(MemoryStore):
    """Has no room for as long as `full` says."""

    full = 0

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        if self.full and b"model_replied" in b"".join(lines):
            self.full -= 1
            raise StoreFull("no room")
        await super().append(claim, lines, expect=expect)


async def test_an_answer_that_finds_no_room_waits_and_is_not_asked_for_again(tmp_path: Path) -> None:
    store, model = FullStore(), ScriptedModel(["paid for"])
    store.full = 3
    async with open_house(store, model, tmp_path) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert answered.reply is not None
        assert answered.reply.text == "paid for"
    assert len(model.requests) == 1


async def test_what_was_seen_of_an_answer_is_in_the_log_after_a_crash(tmp_path: Path) -> None:
    store = Watched()
    stuck = ScriptedModel([Line("one two three", gate=asyncio.Event(), gate_after_chunks=2)])
    async with open_house(store, stuck, tmp_path) as house:
        session = await house.new()
        after, seen = await house.say(session, "count"), ""
        async with house.sessions.watch(session, after) as items:
            async for item in items:
                seen += item.text if isinstance(item, OutputDelta) else ""
                if seen.strip() == "one two":
                    break
        store.dead = True
    store.dead = False
    async with open_house(store, ScriptedModel(["one two three"]), tmp_path, node="node-2") as house:
        assert (await house.sessions.answer(session, after)).outcome == "completed"
    [failed] = of_kind(store.stored(), ModelFailed)
    assert (failed.error, failed.partial_text.strip(), failed.retry) == ("interrupted", "one two", True)


async def test_model_is_asked_only_when_the_intent_is_durable(tmp_path: Path) -> None:
    store = Watched()
    model = ScriptedModel([lambda request: store.stored()[-1].type])
    async with open_house(store, model, tmp_path) as house:
        answered = await house.ask(await house.new(), "hi")
        assert answered.reply is not None
        assert answered.reply.text == "model_called"

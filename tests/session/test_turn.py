"""Turns, on the memory store: whole logs compared, one scripted model, no time passes."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from duragent.context.budget import fit, message_tokens
from duragent.context.transcript import transcript
from duragent.errors import (
    AuthenticationFailed,
    IdempotencyMismatch,
    ModelUnavailable,
    RateLimited,
    SessionIsClosed,
    SessionNotFound,
    StoreFull,
)
from duragent.journal.events import (
    Event,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    ToolFinished,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.inputs import Cancel, Close, Message, Pause, Rename, Resume
from duragent.journal.record import Record
from duragent.models.base import Model, ModelChoice
from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest, ToolCall
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, Line, ScriptedModel
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import open_house


async def test_a_turn_is_message_start_question_answer_end(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["hello"]), tmp_path) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert answered.reply is not None
        assert (answered.outcome, answered.reply.text) == ("completed", "hello")
        assert await house.kinds(session) == [
            "message_received",
            "turn_started",
            "model_called",
            "model_replied",
            "turn_ended",
        ]


async def test_the_model_sees_soul_system_prompt_and_instructions_in_order(tmp_path: Path) -> None:
    model = ScriptedModel(["one", "two"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        await house.ask(session, "first")
        await house.ask(session, "second")
    system, *rest = model.requests[1].messages
    assert system.role == "system"
    kind, named, brief = (system.content.index(text) for text in ("You are kind.", "You are assistant.", "Be brief."))
    assert kind < named < brief
    assert rest == [
        ChatMessage(role="user", content="first"),
        ChatMessage(role="assistant", content="one"),
        ChatMessage(role="user", content="second"),
    ]


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


async def test_after_a_failed_turn_the_next_message_is_answered(tmp_path: Path) -> None:
    model = ScriptedModel([AuthenticationFailed("no"), "fine now"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        await house.ask(session, "one")
        answered = await house.ask(session, "two")
        assert answered.reply is not None
        assert answered.reply.text == "fine now"
        assert [message.content for message in model.requests[1].messages[1:]] == ["one", "two"]


async def test_a_message_during_an_answer_is_taken_up_behind_it(tmp_path: Path) -> None:
    gate = asyncio.Event()
    model = ScriptedModel([Line("first answer", gate=gate), "second answer"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        first = await house.say(session, "one")
        await model.asked(1)
        second = await house.say(session, "two")
        third = await house.say(session, "three")
        gate.set()
        answers = [await house.sessions.answer(session, seq) for seq in (first, second, third)]
        assert [answer.reply and answer.reply.text for answer in answers] == [
            "first answer",
            "second answer",
            "second answer",
        ]
    assert [(m.role, m.content) for m in model.requests[1].messages[1:]] == [
        ("user", "one"),
        ("assistant", "first answer"),
        ("user", "two"),
        ("user", "three"),
    ]


async def test_a_call_of_an_unknown_tool_gets_a_result_that_says_so(tmp_path: Path) -> None:
    calls = (ToolCall(id="x", name="bash", arguments='{"command":"ls"}'), ToolCall(id="y", name="web", arguments="{"))
    model = ScriptedModel([ModelReply(text="let me see", calls=calls, finish_reason="tool_calls"), "no tools, then"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        answered = await house.ask(session, "list")
        assert answered.reply is not None
        assert answered.reply.text == "no tools, then"
        results = [event for event in await house.events(session) if isinstance(event, ToolFinished)]
        assert [(result.outcome, result.content) for result in results] == [
            ("error", "tool not found: bash"),
            ("error", "tool not found: web"),
        ]
    asked = model.requests[1].messages
    assert [message.role for message in asked] == ["system", "user", "assistant", "tool", "tool"]
    assert [message.call_id for message in asked[3:]] == [call.id for call in asked[2].calls]


async def test_a_message_never_stands_between_a_call_and_its_result(tmp_path: Path) -> None:
    gate = asyncio.Event()
    reply = ModelReply(text="", calls=(ToolCall(id="x", name="bash", arguments="{}"),), finish_reason="tool_calls")
    model = ScriptedModel([Line(reply, gate=gate), "done"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        await house.say(session, "one")
        await model.asked(1)
        second = await house.say(session, "two")
        gate.set()
        answered = await house.sessions.answer(session, second)
        assert answered.reply is not None
        assert answered.reply.text == "done"
    assert [message.role for message in model.requests[1].messages] == ["system", "user", "assistant", "tool", "user"]


async def test_a_model_that_asks_for_tools_without_end_is_paused_and_can_go_on(tmp_path: Path) -> None:
    call = ModelReply(calls=(ToolCall(id="x", name="bash", arguments="{}"),), finish_reason="tool_calls")
    model = ScriptedModel([call, call, call, "enough"])
    rest = "  session:\n    max_tool_iterations: 3"
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest) as house:
        session = await house.new()
        answered = await house.ask(session, "go")
        assert (answered.outcome, answered.code) == ("paused", "max-tool-iterations")
        assert (await house.sessions.state(session)).status == "paused"
        await house.sessions.post(session, Resume())
        await house.idle(session)
        last = [event for event in await house.events(session) if isinstance(event, ModelReplied)][-1]
        assert last.text == "enough"


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


async def test_a_cancel_without_a_turn_changes_nothing(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        session = await house.new()
        assert not (await house.sessions.post(session, Cancel())).changed
        assert await house.kinds(session) == []


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


async def test_a_new_message_wakes_a_paused_session(tmp_path: Path) -> None:
    model = ScriptedModel([Line("x", gate=asyncio.Event()), "both answered"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        await house.say(session, "one")
        await model.asked(1)
        await house.sessions.post(session, Pause())
        second = await house.say(session, "two")
        answered = await house.sessions.answer(session, second)
        assert answered.reply is not None
        assert answered.reply.text == "both answered"


async def test_the_same_key_counts_once_and_another_body_is_refused(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["hello", "other"]), tmp_path) as house:
        session = await house.new()
        first = await house.say(session, "hi", key="k")
        assert await house.say(session, "hi", key="k") == first
        with pytest.raises(IdempotencyMismatch):
            await house.say(session, "hello", key="k")
        await house.sessions.answer(session, first)
        assert (await house.kinds(session)).count("message_received") == 1


async def test_the_same_key_at_the_same_time_counts_once(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["hello"]), tmp_path) as house:
        session = await house.new()
        seqs = await asyncio.gather(*(house.say(session, "hi", key="k") for _ in range(50)))
        assert len(set(seqs)) == 1
        await house.sessions.answer(session, seqs[0])
        assert (await house.kinds(session)).count("message_received") == 1


async def test_a_closed_session_takes_no_message(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        session = await house.new()
        await house.sessions.post(session, Close(reason="over"))
        with pytest.raises(SessionIsClosed):
            await house.say(session, "hi")
        assert (await house.sessions.state(session)).status == "completed"


async def test_closing_ends_the_turn_that_is_under_way(tmp_path: Path) -> None:
    model = ScriptedModel([Line("x", gate=asyncio.Event())])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "hi")
        await model.asked(1)
        await house.sessions.post(session, Close())
        assert (await house.sessions.answer(session, seq)).outcome == "cancelled"


async def test_a_title_is_set_and_removed(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        session = await house.new()
        await house.sessions.post(session, Rename(title="my talk"))
        assert (await house.sessions.state(session)).title == "my talk"
        assert not (await house.sessions.post(session, Rename(title="my talk"))).changed
        await house.sessions.post(session, Rename(title=""))
        assert (await house.sessions.state(session)).title is None


async def test_a_turn_of_an_agent_that_has_gone_fails_and_names_it(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["back"]), tmp_path) as house:
        session = await house.new()
        agent = house.speakers.known.pop("assistant")
        answered = await house.ask(session, "hi")
        assert (answered.outcome, answered.code) == ("failed", "not-found")
        assert "assistant" in answered.reason
        house.speakers.known["assistant"] = agent
        assert (await house.ask(session, "and now?")).outcome == "completed"


async def test_a_deleted_session_is_gone_also_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    model = ScriptedModel([Line("x", gate=asyncio.Event())])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "hi")
        await model.asked(1)
        waiting = asyncio.ensure_future(house.sessions.answer(session, seq))
        await asyncio.sleep(0)
        await house.sessions.delete(session)
        with pytest.raises(SessionNotFound):
            await waiting
        with pytest.raises(SessionNotFound):
            await house.sessions.state(session)
        assert (await house.sessions.list())[0] == []


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


async def test_a_message_is_at_most_once_in_a_batch_of_many(tmp_path: Path) -> None:
    model = ScriptedModel(otherwise="ok")
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        posts = [house.sessions.post(session, Message(text=str(number))) for number in range(100)]
        seqs = [receipt.seq for receipt in await asyncio.gather(*posts)]
        assert len(set(seqs)) == 100
        await house.idle(session)
        assert (await house.sessions.state(session)).waiting == ()


async def test_who_waits_for_an_answer_is_told_of_a_pause(tmp_path: Path) -> None:
    model = ScriptedModel([Line("x", gate=asyncio.Event())])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        seq = await house.say(session, "hi")
        await model.asked(1)
        waiting = asyncio.ensure_future(house.sessions.answer(session, seq))
        await house.sessions.post(session, Pause(reason="nobody is there"))
        answered = await waiting
        assert (answered.outcome, answered.reason) == ("paused", "nobody is there")


async def test_who_waits_for_an_answer_is_told_that_the_session_was_closed(tmp_path: Path) -> None:
    model = ScriptedModel([Line("x", gate=asyncio.Event())])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        first = await house.say(session, "one")
        await model.asked(1)
        second = await house.say(session, "two")
        await house.sessions.post(session, Close(reason="over"))
        async with asyncio.timeout(LIMIT_SECONDS):
            answers = [await house.sessions.answer(session, seq) for seq in (first, second)]
        assert [answer.outcome for answer in answers] == ["cancelled", "cancelled"]


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


async def test_a_fault_that_nobody_thought_of_ends_the_turn(tmp_path: Path) -> None:
    def choose(choice: ModelChoice) -> Model:
        raise KeyError(choice.name)

    async with open_house(MemoryStore(), ScriptedModel(), tmp_path, model_for=choose) as house:
        async with asyncio.timeout(LIMIT_SECONDS):
            answered = await house.ask(await house.new(), "hi")
        assert (answered.outcome, answered.code) == ("failed", "internal-error")


def test_a_message_during_an_answer_whose_question_is_cut_off_stands_behind_it() -> None:
    events: list[Event] = [
        MessageReceived(message_id="m2", text="two"),
        ModelReplied(message_id="r1", turn="t1", text="to one"),
        TurnEnded(turn="t1", outcome="completed"),
        TurnStarted(turn="t2", trigger=8),
    ]
    said = transcript(Record(seq, "2026-01-01T00:00:00.000Z", event) for seq, event in enumerate(events, 8))
    assert [message.content for message in said] == ["to one", "two"]


def test_the_newest_exchange_fits_however_many_messages_it_has() -> None:
    said = [ChatMessage(role="user", content="x" * 4000) for _ in range(10)]
    question = ChatMessage(role="user", content="What is all this?")
    kept = fit([*said, question], 2000)
    assert sum(message_tokens(message) for message in kept) < 2000 + 11 * 20
    assert (len(kept), kept[-1]) == (11, question)


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

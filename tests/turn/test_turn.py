"""The loop of a turn, on the memory store: whole logs compared, one scripted model, no time passes."""

import asyncio
from pathlib import Path

from duragent.errors import (
    AuthenticationFailed,
)
from duragent.journal.events import (
    ToolFinished,
)
from duragent.journal.line import tx_of
from duragent.models.base import Model, ModelChoice
from duragent.models.messages import ModelReply, ToolCall
from duragent.stores.memory import MemoryStore
from duragent.testing import Line, ScriptedModel
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import open_house
from tests.support.probes import Watched


async def test_a_turn_is_message_start_question_answer_end(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["hello"]), tmp_path) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert answered.reply is not None
        assert (answered.outcome, answered.reply.text) == ("completed", "hello")
        assert await house.kinds(session) == [
            "message_received",
            "turn_started",
            "prompt_set",
            "model_called",
            "model_replied",
            "turn_ended",
        ]


async def test_the_begin_and_the_end_of_a_turn_are_written_with_their_causes(tmp_path: Path) -> None:
    model = ScriptedModel(["hello", AuthenticationFailed("no")])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        # What stands around the conversation is written with the first question only.
        for text, question in (("hi", [(1, 2), (2, 2)]), ("and now?", [None])):
            head = (await house.sessions.state(session)).seq
            await house.ask(session, text)
            lines = (await house.sessions.read(session, head, 99)).splitlines()
            assert [tx_of(line) for line in lines] == [(1, 2), (2, 2), *question, (1, 2), (2, 2)]


async def test_an_agent_that_is_not_there_ends_the_turn_in_the_write_of_its_message(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        session = await house.new()
        house.speakers.known.clear()
        assert (await house.ask(session, "hi")).code == "not-found"
        lines = (await house.sessions.read(session, 2, 99)).splitlines()
        assert [tx_of(line) for line in lines] == [(1, 3), (2, 3), (3, 3)]


async def test_a_message_that_comes_when_a_turn_is_about_to_begin_begins_no_second_one(tmp_path: Path) -> None:
    """The turn's own task wants to begin it, behind a write that has done so already."""
    gate, store = asyncio.Event(), Watched()
    posted: list[asyncio.Task[int]] = []
    model = ScriptedModel([Line("first", gate=gate), "second"])
    async with open_house(store, model, tmp_path) as house:
        session = await house.new()

        async def say_more(lines: bytes) -> None:
            if b"turn_ended" in lines and not posted:
                posted.append(asyncio.create_task(house.say(session, "three")))

        store.while_storing = say_more
        await house.say(session, "one")
        await model.asked(1)
        second = await house.say(session, "two")
        gate.set()
        assert (await house.sessions.answer(session, second)).outcome == "completed"
        assert (await house.sessions.answer(session, await posted[0])).outcome == "completed"
        kinds = await house.kinds(session)
        assert (kinds.count("turn_started"), kinds.count("turn_ended")) == (2, 2)


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


async def test_a_turn_of_an_agent_that_has_gone_fails_and_names_it(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["back"]), tmp_path) as house:
        session = await house.new()
        agent = house.speakers.known.pop("assistant")
        answered = await house.ask(session, "hi")
        assert (answered.outcome, answered.code) == ("failed", "not-found")
        assert "assistant" in answered.reason
        house.speakers.known["assistant"] = agent
        assert (await house.ask(session, "and now?")).outcome == "completed"


async def test_a_fault_that_nobody_thought_of_ends_the_turn(tmp_path: Path) -> None:
    def choose(choice: ModelChoice) -> Model:
        raise KeyError(choice.name)

    async with open_house(MemoryStore(), ScriptedModel(), tmp_path, model_for=choose) as house:
        async with asyncio.timeout(LIMIT_SECONDS):
            answered = await house.ask(await house.new(), "hi")
        assert (answered.outcome, answered.code) == ("failed", "internal-error")

"""Only a person's message interrupts what is under way: all others wait for the next question."""

import asyncio
from pathlib import Path

from duragent.journal.events import MessageReceived, SessionResumed, ToolFinished
from duragent.journal.inputs import Message, Pause
from duragent.stores.memory import MemoryStore
from duragent.testing import Line, ScriptedModel
from tests.support.house import House, open_house
from tests.support.tool_calls import calls, question
from tests.support.until import until

BASH = "  tools: [{type: builtin, name: bash}]"
BOTH = calls(("bash", {"command": "touch a"}), ("bash", {"command": "touch b"}))


async def _post(house: House, session: str, text: str, source: str) -> int:
    return (await house.sessions.post(session, Message(text=text, source=source, door="heartbeat"))).seq


async def _allow_next(house: House, session: str) -> None:
    await house.decide(session, (await question(house, session)).call)


async def test_a_schedules_message_skips_no_call_and_is_in_the_next_question(tmp_path: Path) -> None:
    model = ScriptedModel([BOTH, "made"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        after = await house.say(session, "make both")
        await until(lambda: house.sessions.question(session))
        await _post(house, session, "it is nine", "schedule")
        await _allow_next(house, session)
        await _allow_next(house, session)
        assert (await house.sessions.answer(session, after)).outcome == "completed"
        events = await house.events(session)
    assert [event.outcome for event in events if isinstance(event, ToolFinished)] == ["ok", "ok"]
    assert [message.role for message in model.requests[1].messages[1:]] == ["user", "assistant", "tool", "tool", "user"]
    assert "it is nine" in model.requests[1].messages[-1].content
    received = [event for event in events if isinstance(event, MessageReceived)]
    assert [(event.source, event.door) for event in received] == [("http", ""), ("schedule", "heartbeat")]


async def test_a_paused_session_is_resumed_by_a_person_and_by_no_machine(tmp_path: Path) -> None:
    model = ScriptedModel([Line("x", gate=asyncio.Event()), "all answered"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        await house.say(session, "begin")
        await model.asked(1)
        await house.sessions.post(session, Pause())
        for source in ("schedule", "process", "agent"):
            await _post(house, session, f"from the {source}", source)

        async def stopped() -> bool:
            return "model_failed" in await house.kinds(session)

        await until(stopped)
        state = await house.sessions.state(session)
        assert (state.paused, len(state.waiting), len(model.requests)) == (True, 4, 1)
        answered = await house.sessions.answer(session, await house.say(session, "go on"))
        assert answered.reply is not None
        assert answered.reply.text == "all answered"
        resumed = [event for event in await house.events(session) if isinstance(event, SessionResumed)]
    assert resumed == [SessionResumed(reason="a new message")]
    said = [message.content for message in model.requests[1].messages if message.role == "user"]
    expected = ["begin", "from the schedule", "from the process", "from the agent", "go on"]
    assert [text.strip().split("\n")[0] for text in said] == expected

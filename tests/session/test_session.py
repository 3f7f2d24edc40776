"""What a session does with its inputs, on the memory store: a scripted model, and no time passes."""

import asyncio
from pathlib import Path

import pytest

from duragent.errors import (
    IdempotencyMismatch,
    SessionIsClosed,
    SessionNotFound,
)
from duragent.journal.inputs import Cancel, Close, Message, Pause, Rename
from duragent.stores.memory import MemoryStore
from duragent.testing import Line, ScriptedModel
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import open_house


async def test_a_cancel_without_a_turn_changes_nothing(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(), tmp_path) as house:
        session = await house.new()
        assert not (await house.sessions.post(session, Cancel())).changed
        assert await house.kinds(session) == []


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

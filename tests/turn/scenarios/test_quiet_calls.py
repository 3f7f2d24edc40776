"""Calls for whose results the model does not wait: they run, also after a crash, and no further question is asked."""

import asyncio
from pathlib import Path

import pytest

from duragent.journal.events import ToolFinished
from duragent.models.messages import ModelReply
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.tools.base import ToolContext
from tests.support.house import open_house
from tests.support.probes import DO_IT, Deed, Watched, for_ever, given, nothing, of_kind

NOTED = DO_IT.model_copy(update={"text": "Noted.", "quiet": ("m",)})


async def test_a_reply_with_text_and_only_quiet_calls_is_the_answer(tmp_path: Path) -> None:
    model, deed = ScriptedModel([NOTED]), Deed("idempotent", nothing)
    async with open_house(MemoryStore(), model, tmp_path, workbench=given(tmp_path, deed)) as house:
        session = await house.new()
        answered = await house.ask(session, "hi")
        assert answered.reply is not None
        assert (answered.outcome, answered.reply.text, deed.runs) == ("completed", "Noted.", 1)
        assert (await house.kinds(session))[3:] == [
            "model_called",
            "model_replied",
            "tool_started",
            "tool_finished",
            "turn_ended",
        ]


@pytest.mark.parametrize(
    "reply",
    [
        NOTED.model_copy(update={"text": " "}),
        NOTED.model_copy(update={"calls": (*NOTED.calls, DO_IT.calls[0].model_copy(update={"id": "n"}))}),
    ],
    ids=["without text", "with another call"],
)
async def test_else_the_model_is_asked_again(reply: ModelReply, tmp_path: Path) -> None:
    model, deed = ScriptedModel([reply, "done"]), Deed("idempotent", nothing)
    async with open_house(MemoryStore(), model, tmp_path, workbench=given(tmp_path, deed)) as house:
        answered = await house.ask(await house.new(), "hi")
        assert answered.reply is not None
        assert (answered.reply.text, deed.runs) == ("done", len(reply.calls))


async def test_a_message_in_between_does_not_skip_what_was_noted(tmp_path: Path) -> None:
    store, model, deed = Watched(), ScriptedModel([NOTED, "second"]), Deed("idempotent", nothing)
    async with open_house(store, model, tmp_path, workbench=given(tmp_path, deed)) as house:
        session = await house.new()
        posted: list[asyncio.Task[int]] = []

        def say_more(lines: bytes) -> None:
            if b"model_replied" in lines and not posted:
                posted.append(asyncio.create_task(house.say(session, "and then?")))

        store.before = say_more
        await house.ask(session, "hi")
        answered = await house.sessions.answer(session, await posted[0])
        assert answered.reply is not None
        assert answered.reply.text == "second"
    assert [event.outcome for event in of_kind(store.stored(), ToolFinished)] == ["ok"]


@pytest.mark.parametrize("place", [b"tool_started", b"tool_finished", b"turn_ended"])
async def test_after_a_crash_the_call_runs_and_the_model_is_not_asked_again(place: bytes, tmp_path: Path) -> None:
    store, deed = Watched(), Deed("idempotent", nothing)
    reached = asyncio.Event()

    def die(lines: bytes) -> None:
        if place in lines:
            store.dead = True
            reached.set()

    store.before = die
    async with open_house(store, ScriptedModel([NOTED]), tmp_path, workbench=given(tmp_path, deed)) as house:
        session = await house.new()
        after = await house.say(session, "hi")
        await reached.wait()
    store.dead, store.before = False, lambda lines: None
    model = ScriptedModel()
    async with open_house(store, model, tmp_path, node="node-2", workbench=given(tmp_path, deed)) as house:
        answered = await house.sessions.answer(session, after)
        assert answered.reply is not None
        assert (answered.outcome, answered.reply.text) == ("completed", "Noted.")
    assert model.requests == []
    assert [event.outcome for event in of_kind(store.stored(), ToolFinished)] == ["ok"]


async def test_a_crash_while_it_runs_runs_it_again(tmp_path: Path) -> None:
    store, began = Watched(), asyncio.Event()

    async def begin(context: ToolContext) -> None:
        began.set()
        await for_ever(context)

    stuck = given(tmp_path, Deed("idempotent", begin))
    async with open_house(store, ScriptedModel([NOTED]), tmp_path, workbench=stuck) as house:
        session = await house.new()
        after = await house.say(session, "hi")
        await began.wait()
        store.dead = True
    store.dead, deed = False, Deed("idempotent", nothing)
    whole = given(tmp_path, deed)
    async with open_house(store, ScriptedModel(), tmp_path, node="node-2", workbench=whole) as house:
        assert (await house.sessions.answer(session, after)).outcome == "completed"
    assert deed.runs == 1

"""Requests of long histories are made again, too: cut while they were read, with files, summaries, and long turns."""

import asyncio
import json
from pathlib import Path

from duragent.journal.events import HistorySummarised, ModelCalled
from duragent.journal.inputs import ChooseModel, Message
from duragent.models.messages import ModelReply, ToolCall
from duragent.session.stored_log import SessionsLog
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.turn.rebuild import Rebuilt, rebuild, rebuild_all
from tests.support.house import House, open_house
from tests.support.notes import Notes
from tests.support.pictures import png

THINK = "\n  tools: [{type: builtin, name: think}]"
CUT = "  session: {context: {max_history_tokens: 700, summaries: 'off'}}"
SUMMED_UP = "  session: {context: {max_history_tokens: 2000}}"
LONG = "a word or two " * 3_000


def thought(at: int) -> ModelReply:
    return ModelReply(calls=(ToolCall(id=f"c{at}", name="think", arguments=json.dumps({"thought": f"{at} {LONG}"})),))


async def all_again(house: House, model: ScriptedModel, session: str) -> list[Rebuilt]:
    """Every question of the session, made again and compared with what was sent."""
    records = await house.records(session)
    seqs = [record.seq for record in records if isinstance(record.event, ModelCalled)]
    log = SessionsLog(house.sessions, session)
    again = [await rebuild(log, session, "assistant", seq) for seq in seqs]
    assert [each async for each in rebuild_all(log, session, "assistant", records[-1].seq)] == again
    assert [each.called_seq for each in again if not each.is_equal] == []
    assert [each.request for each in again] == model.requests
    return again


async def quiet(house: House, session: str) -> None:
    while house.live(session).busy:
        await asyncio.sleep(0)


async def test_history_that_was_cut_while_it_was_read(tmp_path: Path) -> None:
    model = ScriptedModel([f"Answer {number}." for number in range(12)])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=CUT) as house:
        session = await house.new()
        for number in range(12):
            await house.ask(session, f"{number}. {LONG}")
        again = await all_again(house, model, session)
    # The first were read from their beginning, the last were not: their notice cannot say how much is left out.
    assert [again[0].window.from_start, again[-1].window.from_start] == [True, False]
    assert "[conversation truncated: older messages omitted]" in str(again[-1].request.messages)


async def test_turn_so_long_that_what_it_is_for_lies_before_what_is_read(tmp_path: Path) -> None:
    rounds = 40
    model = ScriptedModel([*map(thought, range(rounds)), "done", "yes"])
    async with open_house(
        MemoryStore(), model, tmp_path, agent_rest=with_window(f"{CUT}{THINK}\n  memory: {{}}"), memories=Notes()
    ) as house:
        session = await house.new()
        await house.ask(session, "the reason")
        await house.ask(session, "and then?")
        again = await all_again(house, model, session)
    opened = [each for each in again if each.window.opening]
    assert opened
    assert all("the reason" in [message.content for message in each.request.messages] for each in opened)
    assert all("metric units" in str(each.request.messages) for each in opened)


def with_window(rest: str) -> str:
    """These lines below `spec`, of an agent whose model reads little: `model` is the block before them."""
    return f"    max_input_tokens: 9000\n{rest}"


async def test_files_of_messages_also_when_another_model_takes_them(tmp_path: Path) -> None:
    model = ScriptedModel(["which one?", "now I see", "still", "no more"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        for name, data in (("a.png", png()), ("notes.txt", b"some lines\n" * 9)):
            file = await house.sessions.attach(session, data, name)
            receipt = await house.sessions.post(session, Message(text=f"look at {name}", attachments=(file,)))
            await house.sessions.answer(session, receipt.seq)
            await house.sessions.post(session, ChooseModel(provider="anthropic", model="claude-sonnet-4-5"))
        await house.ask(session, "and now?")
        await house.sessions.post(session, ChooseModel())
        await house.ask(session, "and without?")
        again = await all_again(house, model, session)
    assert [len(each.request.files) for each in again] == [0, 1, 1, 0]


async def test_history_of_which_summaries_tell(tmp_path: Path) -> None:
    turns = 64
    model = ScriptedModel([f"Answer {turn}. {'And more. ' * 40}" for turn in range(turns)])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=SUMMED_UP) as house:
        session = await house.new()
        for turn in range(turns):
            await house.ask(session, f"Question {turn}: what is in src/part_{turn}.py? {'words ' * 60}")
            await quiet(house, session)
        await all_again(house, model, session)
        events = await house.events(session)
        assert {event.level for event in events if isinstance(event, HistorySummarised)} >= {1, 2}


async def test_messages_that_come_while_the_model_is_asked(tmp_path: Path) -> None:
    """They are in the log before the answer, and are for the next question."""
    model = ScriptedModel(["one", "two", "three"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=THINK.removeprefix("\n")) as house:
        session = await house.new()
        first = await house.say(session, "one?")
        await house.say(session, "no, two?")
        await house.sessions.answer(session, first)
        await house.ask(session, "three?")
        await all_again(house, model, session)


async def test_program_that_is_called_history_is_not_said_to_show_records(tmp_path: Path) -> None:
    program = tmp_path / "assistant" / "tools" / "history" / "run"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\ngit log\n")
    program.chmod(0o755)
    model = ScriptedModel([f"Answer {number}." for number in range(20)])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=SUMMED_UP) as house:
        session = await house.new()
        for number in range(20):
            await house.ask(session, f"{number}. {'word ' * 200}")
            await quiet(house, session)
        await all_again(house, model, session)
    newest = model.requests[-1]
    assert "history" in [tool.name for tool in newest.tools]
    [summaries] = [each.content for each in newest.messages if "[Before record" in str(each.content)]
    assert "`history` with a range" not in str(summaries)

"""Every request that was sent can be made again from the log alone, byte for byte."""

import json
import random
from pathlib import Path

import pytest

from duragent.errors import Damaged, InvalidRequest, ModelUnavailable
from duragent.journal.events import MemoryRecalled, ModelCalled, PromptSet
from duragent.journal.inputs import ChooseModel
from duragent.memory.base import Recalled, RecallQuery
from duragent.models.messages import ModelReply, ModelUsage, OpaquePart, ToolCall
from duragent.session.stored_log import SessionsLog
from duragent.stores.files.store import FileStore
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.testing.scripted import Answer, Line
from duragent.turn.rebuild import Rebuilt, rebuild, rebuild_all
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk
from tests.support.notes import Notes

TOOLS = "  tools: [{type: builtin, name: think}, {type: builtin, name: read_file}]"
SHORT = (
    "  session: {context: {max_history_tokens: 700, max_tool_result_tokens: 60, tool_result_keep_first: 1,"
    " tool_result_keep_last: 1}}"
)
LONG = "more than this " * 60


def thinking(rng: random.Random, *, repeated: int) -> ModelReply:
    calls = tuple(
        ToolCall(
            id=f"x{at}", name="think", arguments=json.dumps({"thought": f"{rng.random()} " + LONG * rng.randint(0, 2)})
        )
        for at in range(repeated)
    )
    opaque = OpaquePart(adapter="a", model="demo/demo", value={"signed": "s" * rng.choice((10, 20_000))})
    usage = ModelUsage(input_tokens=rng.randint(100, 3_000), output_tokens=5)
    return ModelReply(text="", calls=calls, finish_reason="tool_calls", usage=usage, opaque=opaque)


def script_of(rng: random.Random) -> list[Answer | Line]:
    script: list[Answer | Line] = []
    for _ in range(120):
        match rng.randint(0, 6):
            case 0:
                script.append(ModelUnavailable("not now"))
            case 1 | 2 | 3:
                script.append(thinking(rng, repeated=rng.randint(1, 3)))
            case _:
                script.append("An answer. " * rng.choice((1, 60)))
    return [*script, *["done"] * 200]


async def rebuilt(house: House, session: str) -> list[Rebuilt]:
    """All questions of the session, made again."""
    records = await house.records(session)
    seqs = [record.seq for record in records if isinstance(record.event, ModelCalled)]
    log = SessionsLog(house.sessions, session)
    alone = [await rebuild(log, session, "assistant", seq) for seq in seqs]
    assert [each async for each in rebuild_all(log, session, "assistant", records[-1].seq)] == alone
    return alone


@pytest.mark.parametrize("seed", range(12))
async def test_every_question_of_any_session_is_made_again(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    model, memories = ScriptedModel(script_of(rng)), Notes() if seed % 2 else None
    rest = f"{TOOLS}\n{SHORT if seed % 3 else ''}" + ("\n  memory: {}" if memories else "")
    async with open_house(
        MemoryStore(), model, tmp_path, clock=FakeClock(hurried=True), agent_rest=rest, memories=memories
    ) as house:
        session = await house.new()
        for number in range(14):
            if rng.random() < 0.2:
                await house.sessions.post(session, ChooseModel(provider="demo", model=rng.choice(("demo", "other"))))
            await house.ask(session, f"{number}. " + LONG * rng.randint(0, 3))
        again = await rebuilt(house, session)
        assert [each.called_seq for each in again if not each.is_equal] == []
        assert [each.request for each in again] == model.requests


async def test_a_frame_is_recorded_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["one", "two", "three"]), tmp_path) as house:
        session = await house.new()
        await house.ask(session, "first")
        await house.ask(session, "second")
        await house.sessions.post(session, ChooseModel(provider="demo", model="other"))
        await house.ask(session, "third")
        events = await house.events(session)
        frames = [event for event in events if isinstance(event, PromptSet)]
        asked = [event for event in events if isinstance(event, ModelCalled)]
        assert [frame.model.name for frame in frames] == ["demo", "other"]
        first, second = (frame.frame_sha256 for frame in frames)
        assert [called.frame_sha256 for called in asked] == [first, first, second]
        at = next(at for at, event in enumerate(events) if isinstance(event, PromptSet))
        assert isinstance(events[at + 1], ModelCalled)


async def test_what_memory_gave_stands_in_front_of_its_message_in_all_later_requests(tmp_path: Path) -> None:
    model, memories = ScriptedModel(["one", "two"]), Notes()
    async with open_house(MemoryStore(), model, tmp_path, agent_rest="  memory: {}", memories=memories) as house:
        session = await house.new()
        await house.ask(session, "which units?")
        await house.ask(session, "and now?")
        events = await house.events(session)
    blocks = [event.text for event in events if isinstance(event, MemoryRecalled)]
    texts = [[message.content for message in request.messages[1:]] for request in model.requests]
    assert texts == [
        [blocks[0], "which units?"],
        [blocks[0], "which units?", "one", blocks[1], "and now?"],
    ]
    assert [query.visible for query in memories.asked] == [frozenset(), frozenset({"m_00000001"})]
    assert [query.text for query in memories.asked] == ["which units?", "and now?"]


async def test_a_question_that_is_asked_again_searches_nothing_and_sends_the_same_bytes(tmp_path: Path) -> None:
    model, memories = ScriptedModel([ModelUnavailable("not now"), "one"]), Notes()
    async with open_house(MemoryStore(), model, tmp_path, agent_rest="  memory: {}", memories=memories) as house:
        session = await house.new()
        await house.ask(session, "which units?")
        asked = [event for event in await house.events(session) if isinstance(event, ModelCalled)]
    assert len(memories.asked) == 1
    assert len({called.request_sha256 for called in asked}) == 1
    assert model.requests[0] == model.requests[1]


async def test_agent_that_does_not_search_by_itself_records_nothing_of_memory(tmp_path: Path) -> None:
    memories = Notes()
    rest = "  memory: {recall: tool}"
    async with open_house(MemoryStore(), ScriptedModel(["a"]), tmp_path, agent_rest=rest, memories=memories) as house:
        session = await house.new()
        await house.ask(session, "which units?")
        assert "memory_recalled" not in await house.kinds(session)
    assert memories.asked == []


async def test_a_search_that_fails_keeps_nobody_from_an_answer(tmp_path: Path) -> None:
    class Broken(Notes):
        async def recall(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
            raise RuntimeError("the index is gone")

    model = ScriptedModel(["one"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest="  memory: {}", memories=Broken()) as house:
        session = await house.new()
        assert (await house.ask(session, "which units?")).outcome == "completed"
        told = [event for event in await house.events(session) if isinstance(event, MemoryRecalled)]
    assert [(event.text, event.silent) for event in told] == [("", "late")]
    assert [message.content for message in model.requests[0].messages[1:]] == ["which units?"]


async def test_blob_that_was_changed_is_named(tmp_path: Path) -> None:
    memories, store = Notes(), FileStore(tmp_path / "sessions", disk=QuickDisk())
    store.open()
    async with open_house(
        store, ScriptedModel(["one"]), tmp_path, agent_rest="  memory: {}", memories=memories
    ) as house:
        session = await house.new()
        await house.ask(session, "which units?")
        [blob] = (tmp_path / "sessions" / session / "blobs").iterdir()
        blob.write_bytes(blob.read_bytes().replace(b"metric", b"silver"))
        with pytest.raises(Damaged, match=blob.name):
            await rebuilt(house, session)
    store.close()


async def test_before_the_first_question_there_is_nothing_to_make_again(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["one"]), tmp_path) as house:
        session = await house.new()
        with pytest.raises(InvalidRequest, match="no model was asked at or before record 2"):
            await rebuild(SessionsLog(house.sessions, session), session, "assistant", 2)

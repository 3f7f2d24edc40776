"""An agent's memory: what is searched, what is read in the background, and what is told when something goes wrong."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.journal.events import Call, MessageReceived, ModelReplied, ToolFinished
from duragent.memory.base import OWNER, RecallQuery
from duragent.memory.index import MemoryIndex
from duragent.memory.plain_index import PlainIndex
from duragent.mind.agent_memory import BATCH_RECORDS, RETRY_SECONDS, AgentMemory
from duragent.mind.memories import AgentMemories
from duragent.testing.stub_llm import Failure, StubLlm
from duragent.testing.stub_vectors import VectorAnswer
from tests.mind.house import note
from tests.mind.remembered import Part, Remembered, Told, remembered, said
from tests.support.bounds import LIMIT_SECONDS
from tests.support.until import until

UNITS = "The user prefers metric units."


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as running:
        yield running


def embedding(stub: StubLlm, more: str = "") -> str:
    at = f"{{provider: ollama, model: small, base_url: '{stub.ollama_url}'}}"
    return f"{{embedding: {at}{more}}}"


def without_vector(memory: AgentMemory) -> int:
    index = memory.notes.index
    assert isinstance(index, MemoryIndex)
    assert memory.notes.vectors is not None
    return len(index.without_vectors(memory.notes.vectors.label, 99))


async def remember(ada: Remembered, text: str, call: str = "c1") -> None:
    await (await ada.memory.mind()).remember(note(text, call))


async def test_note_and_what_was_said_are_found_and_a_closed_memory_leaves_nothing(tmp_path: Path) -> None:
    told = Told({"session_1": said("The ferry to Helsinki leaves from pier seven.")})
    async with remembered(tmp_path, told=told) as ada:
        await remember(ada, UNITS)
        assert await ada.found("which metric units?") == [UNITS]
        await ada.rest()
        assert await ada.found("where does the Helsinki ferry leave?") == told_texts(told)
        assert ada.memory.trouble == ""
        await ada.memory.close()
        before = asyncio.all_tasks()
        ada.memory.told("session_1", 2)
        assert asyncio.all_tasks() == before


def told_texts(told: Told) -> list[str]:
    return [event.text for events in told.logs.values() for event in events if isinstance(event, MessageReceived)]


async def test_sessions_are_read_from_where_the_index_is_after_a_restart(tmp_path: Path) -> None:
    told = Told({"session_1": said("pier seven"), "session_2": said("gate nine")})
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
    told.logs["session_1"] += said("pier eight")
    told.read.clear()
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        # Only what is new is read, and once more for what came meanwhile.
        assert told.read == [("session_1", 1), ("session_1", 2)]
        assert await ada.found("pier eight") == ["pier eight", "pier seven"]
        del told.logs["session_1"]
        ada.memory.told("session_1", 0)
        await ada.rest()
        assert await ada.found("pier eight") == []
        del told.logs["session_2"]
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        assert await ada.found("gate nine") == []


async def test_session_of_which_it_is_not_known_whose_it_is_stays_in_the_index(tmp_path: Path) -> None:
    told = Told({"session_1": said("pier seven")})
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
    told.hidden.add("session_1")
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        assert await ada.found("pier seven") == ["pier seven"]


async def test_long_session_is_read_in_parts_and_its_last_words_are_found(tmp_path: Path) -> None:
    told = Told({"session_1": said(*(f"entry {at}" for at in range(BATCH_RECORDS * 2)), "the last is pier seven")})
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        assert [after for _, after in told.read] == [0, BATCH_RECORDS, BATCH_RECORDS * 2, BATCH_RECORDS * 2 + 1]
        assert (await ada.found("pier seven"))[0] == "the last is pier seven"


async def test_shorter_log_is_read_from_its_beginning(tmp_path: Path) -> None:
    told = Told({"session_1": said("pier seven", "gate nine")})
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        told.logs["session_1"] = said("quay four")
        ada.memory.told("session_1", 1)
        await ada.rest()
        assert await ada.found("quay four") == ["quay four"]
        assert await ada.found("pier seven") == []


def holds(folder: Path, words: str) -> bool:
    """Whether the files of the index have the words."""
    return any(words.encode() in path.read_bytes() for path in folder.glob("streams/mind-ada/index.sqlite*"))


async def test_session_that_was_deleted_is_found_no_more_and_leaves_no_trace_in_the_index(tmp_path: Path) -> None:
    told = Told({"session_1": said("the flowerpot is blue"), "session_2": said("gate nine")})
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        assert await ada.found("the blue flowerpot") == ["the flowerpot is blue"]
        assert holds(tmp_path, "flowerpot")
        del told.logs["session_1"]
        await ada.memory.renew("session_1", deleted=True)
        # Before anything was done in the background.
        assert await ada.found("the blue flowerpot") == []
        await ada.rest()
        assert not holds(tmp_path, "flowerpot")
        assert await ada.found("gate nine") == ["gate nine"]


async def test_session_that_is_deleted_while_vectors_are_computed_leaves_no_trace(
    tmp_path: Path, stub: StubLlm
) -> None:
    told = Told({"session_1": said("the flowerpot is blue")})
    stub.script_vectors(VectorAnswer(delay_seconds=0.5))
    async with remembered(tmp_path, embedding(stub), told) as ada:
        await ada.memory.open()
        await ada.house.clock.advance(1)
        await until(lambda: len(stub.vector_requests) == 1)
        del told.logs["session_1"]
        await ada.memory.renew("session_1", deleted=True)
        await ada.rest()
        assert not holds(tmp_path, "flowerpot")


@pytest.mark.parametrize("known", [True, False])
async def test_traces_of_a_deleted_session_are_gone_after_a_crash_too(tmp_path: Path, known: bool) -> None:
    told = Told({"session_1": said("the flowerpot is blue"), "session_2": said("gate nine")})
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        del told.logs["session_1"]
        if known:
            # The process ends before its index is written anew.
            await ada.memory.renew("session_1", deleted=True)
    assert holds(tmp_path, "flowerpot")
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        assert not holds(tmp_path, "flowerpot")
        assert await ada.found("gate nine") == ["gate nine"]


async def test_index_that_is_lost_is_written_again_with_what_was_said(tmp_path: Path) -> None:
    told = Told({"session_1": said("pier seven")})
    async with remembered(tmp_path, told=told) as ada:
        await remember(ada, UNITS)
        await ada.memory.open()
        await ada.rest()
        await asyncio.to_thread(ada.memory.notes.close)
        for path in tmp_path.glob("streams/mind-ada/index.sqlite*"):
            path.unlink()
        assert await ada.found("metric units") == [UNITS]
        ada.memory.told("session_1", 1)
        await ada.rest()
        assert await ada.found("pier seven") == ["pier seven"]


async def test_what_a_model_said_after_it_read_a_page_is_shown_to_nobody(tmp_path: Path) -> None:
    told = Told(
        {
            "session_1": [
                *said("read it"),
                ModelReplied(message_id="m", turn="t", text="", calls=(Call(call="c", tool="web", arguments="{}"),)),
                ToolFinished(call="c", outcome="ok", text="pier six", outside=True),
                ModelReplied(message_id="n", turn="t", text="It leaves from pier six."),
            ]
        }
    )
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.rest()
        assert "It leaves from pier six." not in await ada.found("where does pier six leave?")


async def test_what_was_read_before_its_redaction_gets_into_no_file_after_it(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Told):
        async def part(self, stream: str, after: int, limit: int) -> Part:
            found = await super().part(stream, after, limit)
            begun.set()
            await go_on.wait()
            return found

    def holding() -> list[str]:
        return [path.name for path in tmp_path.glob("streams/*/index*") if b"xylophone" in path.read_bytes()]

    told = Slow({"session_1": said("the password is xylophone77")})
    async with remembered(tmp_path, told=told) as ada:
        await ada.memory.open()
        await ada.house.clock.advance(1)
        await begun.wait()
        # The words are on their way to the index.
        told.logs["session_1"] = said("[redacted]", "pier seven")
        await ada.memory.renew("session_1")
        go_on.set()
        await ada.rest()
        assert "pier seven" in await ada.found("pier seven")
        assert holding() == []


async def test_outbox_catches_up_when_the_embedder_is_back(tmp_path: Path, stub: StubLlm) -> None:
    stub.script_vectors(*[Failure(503, "down")] * 3)
    async with remembered(tmp_path, embedding(stub)) as ada:
        await remember(ada, UNITS)
        # Words find it meanwhile.
        assert await ada.found("metric units") == [UNITS]
        for _ in range(2):
            await ada.rest()
            assert without_vector(ada.memory) == 1
            assert "ollama/small" in ada.memory.trouble
            await ada.house.clock.advance(RETRY_SECONDS)
        await ada.rest()
        await ada.house.clock.advance(RETRY_SECONDS)
        await ada.rest()
        assert (without_vector(ada.memory), ada.memory.trouble) == (0, "")
        asked = len(stub.vector_requests)
        await ada.house.clock.advance(RETRY_SECONDS * 3)
        await ada.rest()
        assert len(stub.vector_requests) == asked


async def test_note_that_is_written_while_no_session_says_anything_gets_its_vector(
    tmp_path: Path, stub: StubLlm
) -> None:
    async with remembered(tmp_path, embedding(stub)) as ada:
        memories = AgentMemories(ada.room, lambda name: name)
        memory = memories.memory(ada.agent)
        assert memory is not None
        try:
            await memory.open()
            await ada.house.clock.advance(1)
            await memory.idle()
            assert stub.vector_requests == []
            # As the tool, a command and the HTTP API do.
            await (await ada.room.minds.of("ada")).remember(note(UNITS, "c1"))
            await ada.house.clock.advance(1)
            await memory.idle()
            assert (without_vector(memory), len(stub.vector_requests)) == (0, 1)
        finally:
            await memories.close()


async def test_vectors_of_another_length_are_computed_again(tmp_path: Path, stub: StubLlm) -> None:
    async with remembered(tmp_path, embedding(stub)) as ada:
        await remember(ada, UNITS)
        stub.script_vectors(VectorAnswer(dimensions=8))
        await ada.memory.open()
        await ada.rest()
        assert without_vector(ada.memory) == 0
    # The model behind the name is another one now.
    stub.script_vectors(VectorAnswer(dimensions=9), VectorAnswer(dimensions=9))
    async with remembered(tmp_path, embedding(stub)) as ada:
        await ada.memory.open()
        await ada.rest()
        await ada.memory.notes.search(RecallQuery("metric units", (OWNER,)), LIMIT_SECONDS)
        await ada.rest()
        assert (without_vector(ada.memory), len(stub.vector_requests)) == (0, 3)
        found = ada.memory.notes.index.search("metric units", [OWNER], meaning=("ollama/small", [0.1] * 9))
        assert not found.other_lengths


async def test_budget_of_the_day_is_told_and_is_there_again_tomorrow(tmp_path: Path, stub: StubLlm) -> None:
    async with remembered(tmp_path, embedding(stub, ", sleep: {tokens_per_day: 12}")) as ada:
        await remember(ada, UNITS)
        await ada.memory.open()
        await ada.rest()
        await remember(ada, "Tea is at four in the afternoon.", "c2")
        assert "Tea is at four in the afternoon." in await ada.found("tea in the afternoon")
        # The record of the call that wrote it.
        ada.memory.told("session_1", 7)
        await ada.rest()
        assert without_vector(ada.memory) == 1
        assert "`spec.memory.sleep`" in ada.memory.trouble
        await ada.house.clock.advance(86_400)
        await ada.rest()
        assert (without_vector(ada.memory), ada.memory.trouble) == (0, "")


async def test_without_fts5_an_embedder_is_left_alone(
    tmp_path: Path, stub: StubLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duragent.memory.recall.has_fts5", lambda: False)
    async with remembered(tmp_path, embedding(stub), Told({"session_1": said("pier seven")})) as ada:
        await remember(ada, UNITS)
        assert await ada.found("metric units") == [UNITS]
        await ada.rest()
        assert await ada.found("pier seven") == ["pier seven"]
        assert isinstance(ada.memory.notes.index, PlainIndex)
    assert stub.vector_requests == []


async def test_embedder_that_there_cannot_be_is_told(tmp_path: Path) -> None:
    async with remembered(tmp_path, "{embedding: {provider: anthropic, model: m}}") as ada:
        await remember(ada, UNITS)
        assert await ada.found("metric units") == [UNITS]
        assert "anthropic has no embeddings" in ada.memory.trouble


async def test_index_that_cannot_be_written_is_told_and_no_turn_fails(tmp_path: Path) -> None:
    async with remembered(tmp_path) as ada:
        ada.room.index("ada").mkdir()
        recalled = await ada.memory.recall(RecallQuery("metric units", (OWNER,)), LIMIT_SECONDS)
        assert (recalled.silent, recalled.text) == ("late", "")
        assert ada.memory.trouble != ""


async def test_search_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    async with remembered(tmp_path) as ada:
        recalled = await ada.memory.recall(RecallQuery("metric units", (OWNER,)), 0.0)
        assert recalled.silent == "late"
        await ada.memory.open()

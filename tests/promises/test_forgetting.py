"""Forget means gone: a real server, and then a search through every file of its workspace."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.cli.memory.holding import files_holding
from duragent.errors import ProblemResponse
from duragent.mind.kind import stream_of
from duragent.testing.stub_llm import StubLlm
from duragent.wire import AddNote, ForgetMemory, RedactSession
from tests.promises.test_kill_in_transfers import dies
from tests.promises.test_memory import OPENAI, ask, body, recalled, search
from tests.support.providers import KEYS
from tests.support.real_server import RealServer, make_workspace
from tests.support.until import until

SECRET = "the wardrobe key lies under the blue flowerpot"
QUESTION = "where is the wardrobe key?"
ADA = "assistant"


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as stub:
        # Without a script it repeats what it was shown.
        stub.script(*["I see."] * 100)
        yield stub


@pytest.fixture
def remembering(tmp_path: Path, stub: StubLlm) -> Iterator[RealServer]:
    """An agent that remembers in words and in vectors."""
    embedding = f"{{provider: openai, model: text-embedding-3-small, base_url: '{stub.openai_url}'}}"
    rest = f"{OPENAI.block(stub)}\n  memory:\n    embedding: {embedding}"
    server = make_workspace(tmp_path, rest=rest, provider="openai")
    server.environ = KEYS
    yield server
    server.stop()


def holding(server: RealServer) -> list[Path]:
    found, unread = files_holding(server.workspace, SECRET)
    assert unread == []
    return found


async def is_in_no_file(server: RealServer) -> None:
    """The new index is made in the background: a file that is half written counts as one that could not be read."""
    await until(lambda: files_holding(server.workspace, SECRET) == ([], []))


async def index_with(server: RealServer, session: str) -> Path:
    """The index, once what was said in the session is in it."""
    index = server.workspace / "streams" / stream_of(ADA) / "index.sqlite"
    await until(lambda: any(session in place for (place,) in rows(index, "SELECT name FROM place")))
    return index


def rows(database: Path, query: str) -> list[tuple[str, ...]]:
    if not database.exists():
        return []
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return opened.execute(query).fetchall()


async def noted(server: RealServer, stub: StubLlm) -> tuple[str, str]:
    """A note of a person's, beside others; and a session whose model was shown it."""
    async with server.client() as client:
        note = (await client.add_note(ADA, AddNote(text=SECRET, by="bea"))).id
        await client.add_note(ADA, AddNote(text="the bicycle has a flat tyre", by="bea"))
    session = await search(server, QUESTION)
    assert SECRET in json.dumps(body(stub)["messages"])
    assert [path for path in holding(server) if path.is_relative_to(server.sessions_dir)]
    return note, session


async def is_found_by_nobody(server: RealServer, stub: StubLlm, session: str) -> None:
    async with server.client() as client:
        found = await client.search_notes(ADA, QUESTION)
        assert SECRET not in json.dumps(found.model_dump())
        # The other notes are there.
        assert [note.text for note in (await client.notes(ADA)).notes] == ["the bicycle has a flat tyre"]
    await search(server, QUESTION)
    assert SECRET not in json.dumps(body(stub))
    assert [each.text for each in recalled(server, session)] == ["[forgotten]"]


async def test_forgotten_note_is_in_no_file_and_no_answer(remembering: RealServer, stub: StubLlm) -> None:
    remembering.start()
    note, session = await noted(remembering, stub)
    async with remembering.client() as client:
        gone = await client.forget_note(ADA, note, "bea", f"{SECRET}: who said it?")
    assert gone.left == []
    assert holding(remembering) == []
    await is_found_by_nobody(remembering, stub, session)
    remembering.terminate()
    assert holding(remembering) == []


async def test_what_was_said_is_left_until_it_is_redacted(remembering: RealServer, stub: StubLlm) -> None:
    remembering.start()
    said = await ask(remembering, f"you know, {SECRET}")
    note, _ = await noted(remembering, stub)
    async with remembering.client() as client:
        planned = await client.forget_memory(ADA, ForgetMemory(match="WARDROBE KEY lies", dry_run=True))
        assert [each.id for each in planned.notes] == [note]
        gone = await client.forget_memory(ADA, ForgetMemory(match="WARDROBE KEY lies", by="bea"))
        assert [each.id for each in gone.notes] == [note]
        [left] = gone.left
        command = left.partition("`duragent session redact ")[2].rstrip("`").split()
        assert command[0] == said
        redacted = await client.redact(said, RedactSession(seqs=[int(seq) for seq in command[1:]], by="bea"))
        assert redacted.left == []
    assert holding(remembering) == []
    await search(remembering, QUESTION)
    assert SECRET not in json.dumps(body(stub))
    remembering.terminate()
    assert holding(remembering) == []


@pytest.mark.parametrize(
    "point",
    [
        "forgetting.begun",
        "mind.versions_dropped",
        "mind.file_written",
        "forgetting.taken_out",
        "forgetting.index_renewed",
        "text.forgotten",
        "forgetting.session_done",
    ],
)
async def test_forgetting_that_is_killed_goes_on_when_the_memory_is_opened_next(
    remembering: RealServer, stub: StubLlm, point: str
) -> None:
    remembering.start()
    note, session = await noted(remembering, stub)
    remembering.terminate()
    remembering.start({"DURAGENT_CRASHPOINT": f"{point}:1"})
    async with remembering.client() as client:
        await dies(remembering, client.forget_memory(ADA, ForgetMemory(notes=[note], by="bea")))
    remembering.start()
    await search(remembering, "what about the bicycle?")
    log = remembering.workspace / "streams" / f"mind-{ADA}" / "events.jsonl"
    await until(lambda: log.read_text().count('"forgetting_ended"') == 1)
    assert holding(remembering) == []
    await is_found_by_nobody(remembering, stub, session)
    remembering.terminate()
    assert holding(remembering) == []
    assert remembering.kinds(session).count("text_forgotten") >= 1


async def test_topic_that_all_share_is_gone_from_the_index_of_each_agent(
    remembering: RealServer, stub: StubLlm
) -> None:
    remembering.start()
    async with remembering.client() as client:
        note = await client.add_note("worldMemory", AddNote(text=SECRET, topic="home", by="bea"))
    session = await search(remembering, QUESTION)
    assert SECRET in json.dumps(body(stub)["messages"])
    async with remembering.client() as client:
        await client.forget_note("worldMemory", note.id, "bea")
    assert holding(remembering) == []
    assert [each.text for each in recalled(remembering, session)] == ["[forgotten]"]


async def killed_before_its_index_was_renewed(server: RealServer) -> str:
    """The session out of which the secret was redacted; the index is as a server that died leaves it."""
    server.start()
    said = await ask(server, f"you know, {SECRET}")
    index = await index_with(server, said)
    # Only now: this session is given what was said in the first one.
    await search(server, QUESTION)
    server.terminate()
    kept = {path: path.read_bytes() for path in index.parent.glob("index.sqlite*")}
    server.start()
    async with server.client() as client:
        await client.redact(said, RedactSession(match=SECRET))
        for session in (await client.sessions()).sessions:
            # The other one has it only when it was indexed before that one asked.
            with contextlib.suppress(ProblemResponse):
                await client.redact(session.session_id, RedactSession(match=SECRET))
    assert holding(server) == []
    server.terminate()
    for path in index.parent.glob("index.sqlite*"):
        path.unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    assert holding(server) != []
    server.start()
    return said


async def test_redaction_that_is_killed_before_the_index_is_renewed_is_found_at_the_next_opening(
    remembering: RealServer,
) -> None:
    await killed_before_its_index_was_renewed(remembering)
    await search(remembering, "what about the bicycle?")
    await is_in_no_file(remembering)


async def test_redaction_that_is_asked_for_again_after_a_kill_renews_the_index(remembering: RealServer) -> None:
    said = await killed_before_its_index_was_renewed(remembering)
    async with remembering.client() as client:
        with pytest.raises(ProblemResponse, match="no record has that"):
            await client.redact(said, RedactSession(match=SECRET))
    assert holding(remembering) == []


async def test_session_that_was_deleted_leaves_nothing_in_the_memory_of_its_agent(
    remembering: RealServer, stub: StubLlm
) -> None:
    remembering.start()
    said = await ask(remembering, f"you know, {SECRET}")
    # No other session is asked before it is deleted: one that recalls what was said keeps it in its own log.
    await index_with(remembering, said)
    async with remembering.client() as client:
        await client.delete_session(said)
        found = await client.search_notes(ADA, QUESTION)
        assert SECRET not in json.dumps(found.model_dump())
    await is_in_no_file(remembering)
    await search(remembering, QUESTION)
    assert SECRET not in json.dumps(body(stub))
    remembering.terminate()
    assert holding(remembering) == []

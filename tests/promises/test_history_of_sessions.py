"""The tool `history` behind a real server: it finds what was said in older sessions, for whom may read it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.journal.events import ToolFinished
from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from duragent.tools.history import MOST_RECORDS, NOTHING, SEARCH_CHARS
from tests.promises.test_memory import OPENAI, all_notes, ask, body, memory_of, results
from tests.support.providers import KEYS
from tests.support.real_server import RealServer, make_workspace

TOOLS = "\n  tools:\n    - {type: builtin, name: history}"
SAID = "the crate is in cellar nine"
WORDS = "crate cellar"


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as stub:
        yield stub


@pytest.fixture
def remembering(tmp_path: Path, stub: StubLlm) -> Iterator[RealServer]:
    server = make_workspace(
        tmp_path, rest=f"{OPENAI.block(stub)}\n  memory: {{recall: tool}}{TOOLS}", provider="openai"
    )
    server.environ = KEYS
    yield server
    server.stop()


def look(**arguments: object) -> ProviderAnswer:
    return ProviderAnswer(calls=(ToolCall(id="call_1", name="history", arguments=json.dumps(arguments)),))


async def asked(server: RealServer, stub: StubLlm, sender: str | None = None, **arguments: object) -> str:
    """What `history` says, in a session of its own."""
    stub.script(look(**arguments), "Done.")
    return results(server, await ask(server, "look it up", sender))[-1]


async def found(server: RealServer, stub: StubLlm, sender: str | None = None, **arguments: object) -> str:
    """The same, as soon as it is indexed."""
    while (said := await asked(server, stub, sender, action="search", **arguments)) == NOTHING or "in time" in said:
        pass
    return said


async def test_what_was_said_in_an_older_session_is_found_and_read(remembering: RealServer, stub: StubLlm) -> None:
    stub.script("I see.")
    remembering.start()
    older = await ask(remembering, f"Note that {SAID}. {'And more. ' * 200}")
    line = await found(remembering, stub, query=WORDS, session="older")
    seq = next(each.seq for each in remembering.records(older) if each.event.type == "message_received")
    assert line.startswith(f"[{older[-6:]} #{seq}, ")
    assert f"] user: Note that {SAID}" in line
    assert len(line) <= SEARCH_CHARS + 40
    # By itself it looks at its own session.
    assert await asked(remembering, stub, action="search", query=WORDS) == NOTHING
    both = await asked(remembering, stub, action="search", query=WORDS, session="all", limit=MOST_RECORDS)
    assert both == f"In this session:\n{NOTHING}\n\nIn older sessions:\n{line}"
    read = await asked(remembering, stub, action="read", first=1, last=99, session=older[-6:])
    assert read.splitlines()[0].startswith(f"[{seq}] user: Note that {SAID}")
    assert read.splitlines()[-1].endswith("] agent: I see.")


async def test_somebody_else_finds_only_what_that_person_said(remembering: RealServer, stub: StubLlm) -> None:
    stub.script("I see.", "I see.")
    remembering.start()
    owners = await ask(remembering, f"Note that {SAID}.")
    bos = await ask(remembering, "Note that the crate of Bo is in cellar two.", "bo")
    assert "cellar two" in await found(remembering, stub, "bo", query=WORDS, session="older")
    assert SAID in await found(remembering, stub, query=WORDS, session="older")
    for sender, theirs, others in (("bo", bos, owners), ("cy", None, owners), ("cy", None, bos)):
        said = await asked(remembering, stub, sender, action="search", query=WORDS, session="all")
        assert (SAID in said, "cellar two" in said) == (False, theirs is not None)
        read = await asked(remembering, stub, sender, action="read", first=1, last=99, session=others[-6:])
        assert read == f"session '{others[-6:]}' not found"


async def test_what_it_brings_from_older_sessions_counts_as_from_outside(
    remembering: RealServer, stub: StubLlm
) -> None:
    stub.script("I see.")
    remembering.start()
    await ask(remembering, f"Note that {SAID}.")
    await found(remembering, stub, query=WORDS, session="older")
    note = ToolCall(id="call_2", name="memory", arguments=json.dumps({"action": "remember", "content": SAID}))
    stub.script(look(action="search", query=WORDS, session="older"), ProviderAnswer(calls=(note,)), "The crate? Nine.")
    session = await ask(remembering, "look it up")
    looked = next(e.event for e in remembering.records(session) if isinstance(e.event, ToolFinished))
    assert looked.outside
    assert SAID not in all_notes(remembering)
    assert SAID in (memory_of(remembering) / "unreviewed.md").read_text()
    # What the model said then is shown to no later session.
    stub.script("Nice.")
    await ask(remembering, "There are nine plums.")
    assert "plums" in await found(remembering, stub, query="plums", session="older")
    said = await asked(remembering, stub, action="search", query="nine", session="older", limit=MOST_RECORDS)
    assert "plums" in said
    assert "The crate? Nine." not in said


async def test_agent_without_a_memory_is_not_offered_other_sessions(tmp_path: Path, stub: StubLlm) -> None:
    server = make_workspace(tmp_path, rest=f"{OPENAI.block(stub)}{TOOLS}", provider="openai")
    server.environ = KEYS
    try:
        server.start()
        refused = await asked(server, stub, action="search", query=WORDS, session="older")
        assert "session" in refused
        [tool] = body(stub)["tools"]
        assert "session" not in tool["function"]["parameters"]["properties"]
    finally:
        server.stop()

"""What a tool may read of sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from duragent.errors import Damaged, SessionNotFound
from duragent.journal.events import Event, MessageReceived, ModelReplied, ToolFinished
from duragent.journal.inputs import Message
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.session_reader import SessionReader, session_tools
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.testing.tool_context import context_in
from duragent.tools.base import ToolOwner
from tests.support.house import open_house


def finished(call: str, content: str, sha: str = "") -> ToolFinished:
    return ToolFinished(call=call, tool="bash", outcome="ok", content=content, output_sha256=sha)


EVENTS: tuple[Event, ...] = (
    MessageReceived(message_id="m1", text="one"),
    finished("short", "all of it"),
    ModelReplied(message_id="r1", text="to one"),
    finished("long", "cut", "a" * 64),
    finished("lost", "cut", "b" * 64),
    ModelReplied(message_id="r2", text=""),
    MessageReceived(message_id="m2", text="two"),
)


@dataclass
class Known:
    """Sessions of two agents; lines are the numbers of records."""

    states: dict[str, SessionState] = field(
        default_factory=lambda: {
            "s1": SessionState("s1", agent="ada", title="Own"),
            "s2": SessionState("s2", agent="ada", topic="about two"),
            "s3": SessionState("s3", agent="bob"),
        }
    )
    reads: int = 0

    async def state(self, session_id: str) -> SessionState:
        if session_id not in self.states:
            raise SessionNotFound(session_id)
        return self.states[session_id]

    async def list(self, *, agent: str | None = None, limit: int = 50) -> tuple[Sequence[SessionState], str | None]:
        return [state for state in self.states.values() if state.agent == agent][:limit], None

    async def read_back(self, session_id: str, before: int | None, limit: int) -> bytes:
        self.reads += 1
        return bytes(range(1, (before or len(EVENTS) + 1)))[-min(limit, 3) :]

    async def records(self, session_id: str, lines: bytes) -> Sequence[Record]:
        return [Record(seq, "2026-01-01T00:00:00.000Z", EVENTS[seq - 1]) for seq in lines]

    async def blob(self, session_id: str, name: str) -> bytes:
        if name != "a" * 64:
            raise Damaged(session_id, name, 0, "absent", 0)
        return b"the whole output"


@pytest.mark.parametrize(
    ("limit", "messages"),
    [
        (1, [("user", "two")]),
        (2, [("assistant", "to one"), ("user", "two")]),
        (9, [("user", "one"), ("assistant", "to one"), ("user", "two")]),
    ],
)
async def test_newest_messages_of_a_sibling_are_read_oldest_first(limit: int, messages: list[tuple[str, str]]) -> None:
    assert await SessionReader(Known(), "s1", "ada").read("s2", limit) == messages


@pytest.mark.parametrize("session_id", ["s3", "s9"])
async def test_sessions_of_other_agents_are_not_there(session_id: str) -> None:
    with pytest.raises(SessionNotFound):
        await SessionReader(Known(), "s1", "ada").read(session_id, 5)


async def test_siblings_are_the_other_sessions_of_the_agent() -> None:
    siblings = await SessionReader(Known(), "s1", "ada").siblings(5)
    assert [(sibling.session_id, sibling.title) for sibling in siblings] == [("s2", "about two")]


@pytest.mark.parametrize(
    ("call", "output"),
    [("short", b"all of it"), ("long", b"the whole output"), ("lost", None), ("never", None)],
)
async def test_output_of_an_earlier_call_is_whole_or_none(call: str, output: bytes | None) -> None:
    assert await SessionReader(Known(), "s1", "ada").output(call) == output


async def test_tools_that_read_sessions_get_the_reader_of_their_own_session(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    agent = context.agent
    known = Known()
    known.states["s2"] = SessionState("s2", agent=agent.name, title="Mine")
    factories = session_tools(lambda: known)
    owner = ToolOwner(agent, context.places, "s1")
    session, read_output = (factories[name](owner) for name in ("session", "read_output"))
    listed = await session.run(session.parse('{"action": "list"}'), context)
    assert "s2" in listed.content
    assert "s1" not in listed.content
    shown = await read_output.run(read_output.parse('{"call": "long"}'), context)
    assert shown.content.startswith("the whole output\n")


async def test_newest_file_of_a_name_is_found_in_messages_however_old(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="yes"), tmp_path) as house:
        session_id = await house.new()
        files = [("a.txt", b"first"), ("a.txt", b"second"), ("b.txt", b"other")]
        kept = [await house.sessions.attach(session_id, data, name) for name, data in files]
        await house.sessions.post(session_id, Message(text="1", attachments=(kept[0],)))
        await house.sessions.post(session_id, Message(text="2", attachments=(kept[2], kept[1])))
        for number in range(3):
            await house.ask(session_id, f"and {number}")
        reader = SessionReader(house.sessions, session_id, "assistant")

        names = ("a.txt", f"{kept[0].sha256[:8]}/a.txt", "b.txt", f"{kept[0].sha256}/b.txt", "c.txt", "")
        found = [await reader.attached(name) for name in names]

    assert [file and file.content for file in found] == [b"second", b"first", b"other", None, None, None]


async def test_read_file_of_a_session_reads_the_files_of_its_messages(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(otherwise="yes"), tmp_path) as house:
        session_id = await house.new()
        kept = await house.sessions.attach(session_id, b"one\n", "a.txt")
        await house.sessions.post(session_id, Message(text="see a.txt", attachments=(kept,)))
        context = context_in(tmp_path)
        owner = ToolOwner(context.agent, context.places, session_id)
        read_file = session_tools(lambda: house.sessions)["read_file"](owner)

        result = await read_file.run(read_file.parse('{"path": "attachment:a.txt"}'), context)

    assert result.content == "     1→one"

"""What a call is to change is durable before it runs, and nothing is overwritten that is not."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import BaseModel

from duragent.errors import StoreFull
from duragent.journal.events import Call, FileBefore, FileChange, ToolStarted
from duragent.models.messages import ModelReply
from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.testing.tool_context import context_in
from duragent.tools.base import Places, PlannedChange, Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.edit_file import EditFile
from duragent.tools.files.found import KEPT_MAX_BYTES, sha256_of
from duragent.tools.write_file import WriteFile
from duragent.turn.authorize import ResolvedCall
from duragent.turn.checkpoint import kept_by_path, planned
from tests.support.house import House, open_house
from tests.support.tool_calls import calls, finished
from tests.tools.calling import call

FILES = "  tools:\n" + "\n".join(
    f"    - {{type: builtin, name: {name}}}" for name in ("write_file", "edit_file", "bash")
)


def write(path: str, content: str) -> ModelReply:
    return calls(("write_file", {"path": path, "content": content}))


def edit(path: str, old: str, new: str) -> ModelReply:
    return calls(("edit_file", {"path": path, "old_text": old, "new_text": new}))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text("mode: dangerous\n")
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


async def _run(house: House, *said: str) -> str:
    session = await house.new()
    for text in said:
        await house.ask(session, text)
    return session


async def _started(house: House, session: str) -> list[ToolStarted]:
    return [event for event in await house.events(session) if isinstance(event, ToolStarted)]


async def test_what_is_overwritten_edited_and_made_is_kept_with_its_mode(tmp_path: Path, project: Path) -> None:
    (project / "a.sh").write_text("one\n")
    (project / "a.sh").chmod(0o750)
    model = ScriptedModel([write("a.sh", "two\n"), edit("a.sh", "two", "three"), write("sub/new", "new"), "done"])
    store = MemoryStore()
    async with open_house(store, model, tmp_path, agent_rest=FILES) as house:
        session = await _run(house, "go")
        assert [event.before for event in await _started(house, session)] == [
            (FileBefore(path="a.sh", sha256=sha("one\n"), mode=0o750, after=sha("two\n")),),
            (FileBefore(path="a.sh", sha256=sha("two\n"), mode=0o750, after=sha("three\n")),),
            (FileBefore(path="sub/new", sha256=None, mode=None, after=sha("new")),),
        ]
        assert [event.changed for event in await finished(house, session)] == [
            (FileChange(path="a.sh", before=sha("one\n"), after=sha("two\n")),),
            (FileChange(path="a.sh", before=sha("two\n"), after=sha("three\n")),),
            (FileChange(path="sub/new", before=None, after=sha("new")),),
        ]
        for text in ("one\n", "two\n", "three\n", "new"):
            assert await house.sessions.blob(session, sha(text)) == text.encode()


async def test_calls_that_change_nothing_keep_nothing(tmp_path: Path, project: Path) -> None:
    (project / "a").write_text("same")
    replies = [
        write("a", "same"),
        edit("a", "absent", "x"),
        write("../outside", "x"),
        calls(("bash", {"command": "true"})),
    ]
    async with open_house(MemoryStore(), ScriptedModel([*replies, "done"]), tmp_path, agent_rest=FILES) as house:
        session = await _run(house, "go")
        assert [event.before for event in await _started(house, session)] == [()] * 4
        assert [event.changed for event in await finished(house, session)] == [()] * 4


class _Full(MemoryStore):
    """Has no room for the first blob, and remembers in which order things came."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None:
        self.order.append("blob")
        if self.order == ["blob"]:
            raise StoreFull("no room")
        await super().put_blob(claim, sha256, data)

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        self.order += [
            name for name in ("tool_started", "tool_finished") if any(name.encode() in line for line in lines)
        ]
        await super().append(claim, lines, expect=expect)


async def test_nothing_is_written_before_what_was_there_is_durable(tmp_path: Path, project: Path) -> None:
    (project / "a").write_text("old")
    store = _Full()
    async with open_house(store, ScriptedModel([write("a", "new"), "done"]), tmp_path, agent_rest=FILES) as house:
        session = await _run(house, "go")
        assert store.order == ["blob", "blob", "blob", "tool_started", "tool_finished"]
        assert len(await _started(house, session)) == 1
    assert (project / "a").read_text() == "new"


async def test_a_file_that_is_too_long_to_keep_is_named_as_such(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as big:
        big.truncate(KEPT_MAX_BYTES + 1)
    (tmp_path / "big").chmod(0o640)
    arguments = WriteFile.Arguments(path="big", content="x")
    [change] = WriteFile().planned(arguments, context_in(tmp_path).places)
    assert (change.old, change.mode) == (None, 0o640)
    context = context_in(tmp_path, kept=kept_by_path([FileBefore(path="big", sha256="", mode=0o640)]))
    assert (await call(WriteFile(), context, path="big", content="x")).outcome == "ok"


@pytest.mark.parametrize("was", ["something else", None])
async def test_a_file_that_is_not_what_was_kept_stays_as_it_is(was: str | None, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    context = context_in(tmp_path, kept={"a": None if was is None else sha(was)})
    results = [
        await call(WriteFile(), context, path="a", content="new"),
        await call(EditFile(), context, path="a", old_text="old", new_text="new"),
    ]
    assert [(each.outcome, each.content) for each in results] == [
        ("error", "a was changed by someone else in the meantime; read it again")
    ] * 2
    assert (tmp_path / "a").read_text() == "old"


def test_what_is_planned_is_what_is_done(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"caf\xe9 old")
    arguments = EditFile.Arguments(path="a", old_text="old", new_text="new")
    [change] = EditFile().planned(arguments, context_in(tmp_path).places)
    assert (change.path, change.old, change.new) == ("a", b"caf\xe9 old", b"caf\xe9 new")
    assert sha256_of(change.new) == hashlib.sha256(b"caf\xe9 new").hexdigest()


class _Foreign(Tool["_Foreign.Arguments"]):
    """Of another package."""

    name = "foreign"

    class Arguments(ToolArguments):
        pass

    fault: ClassVar[Exception] = ZeroDivisionError()

    def planned(self, arguments: BaseModel, places: Places) -> Sequence[PlannedChange]:
        raise self.fault

    async def run(self, arguments: BaseModel, context: ToolContext) -> ToolResult:
        return ToolResult("")


async def test_a_tool_that_cannot_say_what_it_would_change_does_not_end_the_turn(tmp_path: Path) -> None:
    tool = _Foreign()
    invocation = tool.invocation(tool.parse("{}"))
    resolved = ResolvedCall(Call(call="c", tool="foreign", arguments="{}"), tool, tool.parse("{}"), invocation, "")
    assert await planned(resolved, context_in(tmp_path).places) == ()

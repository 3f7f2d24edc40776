"""An undo puts back what a turn found, and leaves what others have made of it since."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.errors import NothingToDo, NotNow
from duragent.journal.events import Event, FileChange, FileRefused, TurnStarted, UndoFinished, UndoRequested
from duragent.journal.inputs import Undo
from duragent.journal.record import Record, crc_seed, encode
from duragent.models.messages import ModelReply
from duragent.session.undo import planned_undo
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import House, open_house
from tests.support.tool_calls import calls

FILES = "  tools:\n" + "\n".join(
    f"    - {{type: builtin, name: {name}}}" for name in ("write_file", "edit_file", "bash")
)
OTHERS = "it was changed by someone else since"


def write(path: str, content: str) -> ModelReply:
    return calls(("write_file", {"path": path, "content": content}))


def edit(path: str, old: str, new: str) -> ModelReply:
    return calls(("edit_file", {"path": path, "old_text": old, "new_text": new}))


def bash(command: str) -> ModelReply:
    return calls(("bash", {"command": command}))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text("mode: dangerous\n")
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


async def undo(house: House, session: str, turn: str = "", *, force: bool = False) -> UndoFinished:
    """Undo, and wait for its end."""
    before = (await house.sessions.state(session)).seq
    await house.sessions.post(session, Undo(turn=turn, by="me", force=force))
    await house.idle(session)
    ended = [record for record in await house.records(session) if isinstance(record.event, UndoFinished)]
    assert ended[-1].seq > before
    assert isinstance(ended[-1].event, UndoFinished)
    return ended[-1].event


async def _done(house: House, *said: str) -> str:
    session = await house.new()
    for text in said:
        await house.ask(session, text)
    return session


async def test_a_turn_is_undone_and_then_the_one_before(tmp_path: Path, project: Path) -> None:
    (project / "a").write_text("one")
    (project / "a").chmod(0o751)
    model = ScriptedModel(
        [write("a", "two"), edit("a", "two", "three"), "ok", write("a", "four"), write("n/new", "x"), "ok"]
    )
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=FILES) as house:
        session = await _done(house, "first", "second")
        assert (await undo(house, session)).restored == (
            FileChange(path="a", before=sha("four"), after=sha("three")),
            FileChange(path="n/new", before=sha("x"), after=None),
        )
        assert ((project / "a").read_text(), (project / "n/new").exists()) == ("three", False)
        assert (await undo(house, session)).restored == (FileChange(path="a", before=sha("three"), after=sha("one")),)
        assert ((project / "a").read_text(), (project / "a").stat().st_mode & 0o777) == ("one", 0o751)
        with pytest.raises(NothingToDo, match="no file here that is not undone yet"):
            await undo(house, session)


async def test_a_turn_is_named_by_its_id_or_by_any_of_its_records(tmp_path: Path, project: Path) -> None:
    model = ScriptedModel([write("a", "1"), "ok", "nothing", write("b", "2"), "ok"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=FILES) as house:
        session = await _done(house, "first", "second", "third")
        records = await house.records(session)
        of_first = [record.seq for record in records if getattr(record.event, "turn", "") == _turns(records)[0]]
        live = house.live(session)
        for wanted in (_turns(records)[0], *map(str, of_first), str(of_first[0] - 1)):
            turn, files = await planned_undo(live, house.ports, wanted)
            assert (turn.turn, [file.path for file in files]) == (_turns(records)[0], ["a"])
        with pytest.raises(NothingToDo, match="changed no file"):
            await undo(house, session, _turns(records)[1])
        with pytest.raises(NothingToDo, match="there is no turn at '99999'"):
            await undo(house, session, "99999")
        await undo(house, session, str(of_first[-1]))
        assert ((project / "a").exists(), (project / "b").exists()) == (False, True)


def _turns(records: list[Record]) -> list[str]:
    return [record.event.turn for record in records if isinstance(record.event, TurnStarted)]


def _pipe(project: Path) -> None:
    (project / "sub/a").unlink()
    os.mkfifo(project / "sub/a")


def _moved(project: Path) -> None:
    (project / "sub").rename(project / "elsewhere")
    (project / "sub").symlink_to(project / "elsewhere")


@pytest.mark.parametrize(
    ("meddle", "why"),
    [
        (lambda project: (project / "sub/a").write_text("mine"), OTHERS),
        (lambda project: (project / "sub/a").unlink(), OTHERS),
        (_moved, "a symbolic link leads to another place now"),
        (lambda project: ((project / "sub/a").unlink(), (project / "sub/a").mkdir()), "sub/a is a folder, not a file"),
        (
            lambda project: ((project / "sub/a").unlink(), (project / "sub/a").symlink_to("/etc/hostname")),
            "a symbolic link",
        ),
        (_pipe, "sub/a is a pipe, not a file"),
    ],
    ids=["changed", "removed", "folder is a link", "folder", "link", "pipe"],
)
async def test_what_others_made_of_a_file_stays(
    meddle: Callable[[Path], object], why: str, tmp_path: Path, project: Path
) -> None:
    (project / "sub").mkdir()
    (project / "sub/a").write_text("old")
    (project / "b").write_text("old")
    model = ScriptedModel([write("sub/a", "new"), write("b", "new"), "ok"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=FILES) as house:
        session = await _done(house, "go")
        meddle(project)
        refused = (await undo(house, session)).refused
        assert [each.path for each in refused] == ["sub/a"]
        assert refused[0].why.startswith(why)
        assert (project / "b").read_text() == "old"
        with pytest.raises(NothingToDo, match="sub/a: "):
            await undo(house, session, _turns(await house.records(session))[0])


async def test_nothing_outside_of_the_working_directory_is_touched(tmp_path: Path, project: Path) -> None:
    (project / "sub").mkdir()
    (project / "sub/a").write_text("old")
    outside = tmp_path / "outside"
    outside.mkdir()
    async with open_house(
        MemoryStore(), ScriptedModel([write("sub/a", "new"), "ok"]), tmp_path, agent_rest=FILES
    ) as house:
        session = await _done(house, "go")
        (outside / "a").write_text("new")
        (project / "sub/a").unlink()
        (project / "sub").rmdir()
        (project / "sub").symlink_to(outside)
        with pytest.raises(NothingToDo, match="a symbolic link leads to another place now"):
            await undo(house, session)
    assert (outside / "a").read_text() == "new"


async def test_what_a_command_changed_between_two_edits_is_not_taken_back_without_force(
    tmp_path: Path, project: Path
) -> None:
    (project / "a").write_text("one")
    model = ScriptedModel([write("a", "two"), bash("echo three > a"), edit("a", "three", "four"), "ok"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=FILES) as house:
        session = await _done(house, "go")
        with pytest.raises(NothingToDo, match="something else changed it too, before record"):
            await undo(house, session)
        assert (project / "a").read_text() == "four\n"
        assert (await undo(house, session, force=True)).refused == ()
    assert (project / "a").read_text() == "one"


async def test_force_replaces_what_others_made_and_keeps_it(tmp_path: Path, project: Path) -> None:
    (project / "a").write_text("old")
    (project / "gone").write_text("old")
    (project / "gone").chmod(0o600)
    model = ScriptedModel([write("a", "new"), write("gone", "new"), "ok"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=FILES) as house:
        session = await _done(house, "go")
        (project / "a").write_text("mine")
        (project / "gone").unlink()
        await undo(house, session, force=True)
        assert ((project / "a").read_text(), (project / "gone").read_text()) == ("old", "old")
        assert (project / "gone").stat().st_mode & 0o777 == 0o600
        assert await house.sessions.blob(session, sha("mine")) == b"mine"


async def test_an_undo_waits_for_no_turn_and_no_turn_begins_before_it_is_over(tmp_path: Path, project: Path) -> None:
    model = ScriptedModel([write("a", "x"), "ok", "later"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=FILES) as house:
        session = await _done(house, "go")
        await house.say(session, "next")
        with pytest.raises(NotNow, match="the agent is at work"):
            await house.sessions.post(session, Undo())
        await house.idle(session)
        await house.sessions.post(session, Undo())
        await house.ask(session, "more")
        kinds = await house.kinds(session)
        assert kinds.index("undo_finished") < len(kinds) - 1 - kinds[::-1].index("turn_started")


async def test_the_same_request_undoes_once(tmp_path: Path, project: Path) -> None:
    model = ScriptedModel([write("a", "1"), "ok", write("a", "2"), "ok"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=FILES) as house:
        session = await _done(house, "one", "two")
        first = await house.sessions.post(session, Undo(idempotency_key="k"))
        await house.idle(session)
        again = await house.sessions.post(session, Undo(idempotency_key="k"))
        assert (again.seq, again.duplicate) == (first.seq, True)
        assert (project / "a").read_text() == "1"


async def test_an_undo_that_was_begun_is_finished_at_the_next_start(tmp_path: Path, project: Path) -> None:
    model = ScriptedModel([write("a", "1"), write("b", "1"), write("c", "1"), "ok"])
    store = MemoryStore()
    async with open_house(store, model, tmp_path, agent_rest=FILES) as house:
        session = await _done(house, "go")
        turn, files = await planned_undo(house.live(session), house.ports, "")
    # A crash right after the request, and after the first file was removed; meanwhile someone changes the second one.
    requested: Event = UndoRequested(turn=turn.turn, files=tuple(files))
    claim = await store.claim(session)
    line = encode(Record(claim.head + 1, "2026-01-01T00:00:00.000Z", requested), crc_seed(session)).line
    await store.append(claim, [line], expect=claim.head)
    (project / "a").unlink()
    (project / "b").write_text("mine")
    async with open_house(store, model, tmp_path, agent_rest=FILES, node="node-2") as house:
        await house.sessions.live.open(session)
        await house.idle(session)
        [ended] = [event for event in await house.events(session) if isinstance(event, UndoFinished)]
        assert [each.path for each in ended.restored] == ["a", "c"]
        assert ended.refused == (FileRefused(path="b", why=OTHERS),)
    assert sorted(path.name for path in project.iterdir()) == ["b"]

"""kill -9 of a server in the middle of a write, of an undo, of a person's command: each is done once, and whole."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.client.client import Client, new_key
from duragent.journal.events import CommandFinished, ToolStarted, UndoFinished, UndoRequested
from duragent.stores.files.reader import FileLogReader
from duragent.wire import SendMessage, TypedCommand, Undone, UndoTurn
from tests.support.hands import SCRIPT, Hands
from tests.support.real_server import is_idle, make_workspace
from tests.support.until import until

TOOLS = "  tools: [{type: builtin, name: write_file}, {type: builtin, name: bash}]"
FILES = ("a.txt", "b.txt", "sub/c.txt")


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    server = make_workspace(tmp_path, TOOLS, config={"sandbox": {"mode": "trust"}})
    (server.workspace / "policy.yaml").write_text("mode: dangerous\n")
    hands = Hands(server, tmp_path)
    hands.script("do", SCRIPT)
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "a.txt").chmod(0o640)
    yield hands
    server.stop()


def seen(hands: Hands) -> dict[str, str]:
    return {name: (hands.folder / name).read_text() for name in FILES if (hands.folder / name).exists()}


async def say(hands: Hands, client: Client) -> str:
    session = (await client.create_session("assistant")).session_id
    words = " and then ".join(f"write two to {name}" for name in FILES)
    await client.post_message(session, SendMessage(content=words))
    return session


async def settled(client: Client, session: str) -> None:
    async def idle() -> bool:
        return (await client.session(session)).turns > 0 and await is_idle(client, session)

    await until(idle)


async def _next_life(hands: Hands) -> None:
    await hands.server.wait_until_dead()
    hands.server.start()


def whole(hands: Hands, session: str) -> None:
    """Each file that a call was to change is kept: what it was, and what it became."""
    checkup = FileLogReader(hands.server.sessions_dir).check(session)
    assert (checkup.lost_blobs, checkup.damage) == ([], None)


@pytest.mark.parametrize(
    "point", ["blob.stored:1", "blob.stored:2", "files.kept:1", "tool.started:1", "tool.ran:1", "tool.ran:2"]
)
async def test_killed_around_a_write_what_was_there_can_be_put_back(hands: Hands, point: str) -> None:
    hands.server.start({"DURAGENT_CRASHPOINT": point})
    async with hands.server.client() as client:
        serving = asyncio.ensure_future(_next_life(hands))
        session = await say(hands, client)
        await settled(client, session)
        await serving
        assert seen(hands) == dict.fromkeys(FILES, "two\n")
        kept = [file.path for event in hands.events(session) if isinstance(event, ToolStarted) for file in event.before]
        assert set(kept) == set(FILES)
        whole(hands, session)
        undone = await client.undo(session, UndoTurn(), key=new_key())
    assert (sorted(undone.restored), undone.refused, seen(hands)) == (sorted(FILES), [], {"a.txt": "one\n"})
    assert (hands.folder / "a.txt").stat().st_mode & 0o777 == 0o640


async def _undone_with_a_kill(hands: Hands, session: str, point: str) -> Undone:
    """The undo, with a kill at that point and a new server after it. The client asks again with the same key."""
    hands.server.kill()
    hands.server.start({"DURAGENT_CRASHPOINT": point})
    serving = asyncio.ensure_future(_next_life(hands))
    async with hands.server.client() as client:
        undone = await client.undo(session, UndoTurn(by="me"), key=new_key())
    await serving
    return undone


@pytest.mark.parametrize("point", ["commit.stored:1", "undo.restored:1", "undo.restored:2", "undo.restored:3"])
async def test_killed_in_an_undo_it_is_finished_once(hands: Hands, point: str) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await say(hands, client)
        await settled(client, session)
    undone = await _undone_with_a_kill(hands, session, point)
    assert (undone.restored, undone.refused, seen(hands)) == (list(FILES), [], {"a.txt": "one\n"})
    kinds = [type(event) for event in hands.events(session)]
    assert (kinds.count(UndoRequested), kinds.count(UndoFinished)) == (1, 1)
    whole(hands, session)


async def test_what_others_changed_while_no_server_ran_is_left_by_the_undo_that_goes_on(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await say(hands, client)
        await settled(client, session)
        hands.server.kill()
        hands.server.start({"DURAGENT_CRASHPOINT": "undo.restored:1"})
        undoing = asyncio.ensure_future(client.undo(session, UndoTurn(), key=new_key()))
        await hands.server.wait_until_dead()
        (hands.folder / "b.txt").write_text("mine\n")
        hands.server.start()
        undone = await undoing
    assert undone.restored == ["a.txt", "sub/c.txt"]
    assert [(file.path, file.why) for file in undone.refused] == [("b.txt", "it was changed by someone else since")]
    assert seen(hands) == {"a.txt": "one\n", "b.txt": "mine\n"}


@pytest.mark.parametrize(
    "point",
    ["commit.stored:1", "command.ready:1", "spool.made:1", "spool.spawned:1", "command.ran:1", "command.finished:1"],
)
async def test_killed_around_a_persons_command_it_runs_once(hands: Hands, point: str) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        hands.server.kill()
        hands.server.start({"DURAGENT_CRASHPOINT": point})
        serving = asyncio.ensure_future(_next_life(hands))
        await client.run_command(session, TypedCommand(command="./do it", by="me"), key=new_key())
        await serving

        def ended() -> list[CommandFinished]:
            return [event for event in hands.events(session) if isinstance(event, CommandFinished)]

        await until(ended)
    assert [(event.outcome, event.content) for event in ended()] == [("ok", "did it\n")]
    assert hands.count() == {"it": 1}
    spool = hands.server.workspace / "run" / "spool"
    await until(lambda: not [each for each in spool.iterdir() if each.is_dir() and not each.name.startswith(".")])

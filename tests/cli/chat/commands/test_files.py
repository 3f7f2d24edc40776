"""Slash commands about files, and `!`."""

from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk
from tests.support.edits import editor, write
from tests.support.until import until


async def test_undo_shows_the_diff_and_puts_it_back_turn_by_turn(desk: Desk) -> None:
    session, project = await editor(desk.house, [write("a.txt", "one\n")], [write("a.txt", "two\n"), write("b", "x\n")])
    async with sitting(desk, session) as terminal:
        terminal.type("/undo\r")
        await terminal.shows("a.txt · changed")
        await terminal.shows("-two")
        await terminal.shows("b · removed")
        await terminal.shows("Put back as before the turn: a.txt, b.")
        assert ((project / "a.txt").read_text(), (project / "b").exists()) == ("one\n", False)
        terminal.type("/undo\r")
        await terminal.shows("Put back as before the turn: a.txt.")
        assert not (project / "a.txt").exists()
        terminal.type("/undo\r")
        await terminal.shows("the agent has changed no file here that is not undone yet")


async def test_undo_leaves_what_others_changed_until_it_is_told_to_take_that_too(desk: Desk) -> None:
    session, project = await editor(desk.house, [write("a.txt", "new\n"), write("b.txt", "new\n")])
    (project / "a.txt").write_text("mine\n")
    async with sitting(desk, session) as terminal:
        terminal.type("/undo\r")
        await terminal.shows("a.txt stays as it is: it was changed by someone else since.")
        await terminal.shows("Put back as before the turn: b.txt.")
        assert ((project / "a.txt").read_text(), (project / "b.txt").exists()) == ("mine\n", False)
        terminal.type("/undo @3 force\r")
        await until(lambda: not (project / "a.txt").exists())


async def test_diff_shows_what_the_agent_changed_and_what_it_cannot_know(desk: Desk) -> None:
    session, _ = await editor(desk.house, [write("a.txt", "one\n")])
    async with sitting(desk, session) as terminal:
        terminal.type("/diff\r")
        await terminal.shows("a.txt · created")
        await terminal.shows("+one")
        terminal.type("/diff 1..3\r")
        await terminal.shows("The agent has changed no file")
        terminal.type("/diff nonsense\r")
        await terminal.shows("write ID@A..@B")


async def test_a_command_of_the_person_runs_and_is_shown_once(desk: Desk) -> None:
    session, project = await editor(desk.house)
    async with sitting(desk, session) as terminal:
        terminal.type("!echo first; touch made; exit 3\r")
        await until((project / "made").exists)
        await terminal.shows("[exit code 3]")
        assert not terminal.talk.conversation.busy
        assert terminal.screen.getvalue().count("● ! ") == 0
        terminal.type("!\r")
        await terminal.shows("! COMMAND runs a command")
        terminal.type("!touch long; sleep 60\r")
        await until((project / "long").exists)
        await until(lambda: terminal.talk.conversation.commanding)
        terminal.type("\x03")
        await terminal.shows("cancelled")


async def test_a_command_of_another_terminal_is_shown_with_its_line(desk: Desk) -> None:
    session, _ = await editor(desk.house)
    async with sitting(desk, session) as one, sitting(desk, session) as other:
        one.type("!echo hello from here\r")
        await other.shows("● ! Ada  echo hello from here")
        await other.shows("  hello from here")


async def test_a_command_may_be_the_first_thing_in_a_session(desk: Desk) -> None:
    await editor(desk.house)
    async with sitting(desk) as terminal:
        for typed in ("/undo", "/diff"):
            terminal.type(f"{typed}\r")
        await until(lambda: terminal.screen.getvalue().count("there is no session yet") == 2)
        terminal.type("!echo first > made\r")
        await terminal.shows("exit 0 ·")
        session_id = terminal.talk.session_id
    # Something has happened in it, so that it stays.
    assert "command_finished" in [record["type"] for record in await desk.house.log(session_id)]

"""What a name behind a slash stands for."""

from pathlib import Path

import pytest

from duragent.agent.templates import Template
from duragent.cli.chat.commands import BY_NAME, COMMANDS
from duragent.cli.chat.commands.menu import menu, named
from duragent.cli.chat.completion import MenuItem
from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk
from tests.support.until import until

REVIEW = Template("review", Path("review.md"), "Review $ARGUMENTS.", "Look at a file", "FILE")
REVISE = Template("revise", Path("revise.md"), "Revise.")
HELP = Template("help", Path("help.md"), "Help me.")


def test_menu_has_the_commands_and_behind_them_what_people_wrote() -> None:
    items = menu((HELP, REVIEW, REVISE))
    assert [item.name for item in items[:-2]] == [each.name for each in COMMANDS if each.name.startswith("/")]
    assert items[-2:] == [MenuItem("/review", "Look at a file", "FILE"), MenuItem("/revise", "a template", "")]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("/help", BY_NAME["/help"]),
        ("/hel", BY_NAME["/help"]),
        ("/quit", BY_NAME["/detach"]),
        ("/review", REVIEW),
        ("/revie", REVIEW),
        ("/rev", "There is no /rev. Did you mean /review or /revise? /help shows what there is."),
        ("/stauts", "There is no /stauts. Did you mean /status? /help shows what there is."),
        ("/", "There is no /. /help shows what there is."),
        ("/zzz", "There is no /zzz. /help shows what there is."),
    ],
)
def test_beginning_of_a_name_is_enough_where_one_begins_so(name: str, meant: object) -> None:
    assert named(name, (HELP, REVIEW, REVISE)) == meant


async def test_template_is_sent_with_what_stands_behind_its_name(desk: Desk) -> None:
    session_id = await desk.house.create()
    folder = desk.folder / ".duragent" / "commands"
    folder.mkdir(parents=True)
    (folder / "review.md").write_text("---\ndescription: Look at it\n---\nReview $ARGUMENTS with @notes.txt.")
    (folder / "broken.md").write_text("---\nx: 1\n---\n")
    (desk.folder / "notes.txt").write_text("Be kind.\n")
    async with sitting(desk, session_id, project=desk.folder) as terminal:
        terminal.type("/help\r")
        await terminal.shows("Look at it")
        terminal.type("/broken\r")
        await terminal.shows("There is no /broken.")
        await terminal.shows("is not a known key")
        terminal.type("/review the code\r")
        await terminal.shows("> /review the code")
        await terminal.shows("with notes.txt (1 line)")

        async def said() -> list[str]:
            log = await desk.house.log(session_id)
            return [record["text"] for record in log if record["type"] == "message_received"]

        assert await until(said) == ["Review the code with @notes.txt.\n\nnotes.txt:\n```\nBe kind.\n```"]


async def test_menu_shows_what_commands_do_while_they_are_typed(desk: Desk) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type("/sta")
        await terminal.shows("the session, its agent, turns")
        terminal.type("\t\r")
        await terminal.shows("0 turns")


async def test_line_that_begins_with_an_exclamation_mark_is_handed_to_its_command(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    async def run(_: object, rest: str) -> None:
        ran.append(rest)

    session_id = await desk.house.create()
    monkeypatch.setitem(BY_NAME, "!", type(COMMANDS[0])("!", "run a command", run, "COMMAND"))
    async with sitting(desk, session_id) as terminal:
        terminal.type("! ls -l\r")
        await until(lambda: ran == ["ls -l"])
        await terminal.shows("> ! ls -l")
    assert "message_received" not in [record["type"] for record in await desk.house.log(session_id)]

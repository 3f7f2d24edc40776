"""Approvals from the shell and in a chat, against a real server whose model asks for commands."""

import json

from duragent.cli.view import short_id
from tests.cli.desk import Desk
from tests.support.terminal import Terminal


async def test_what_waits_is_listed_for_people_and_programs(desk: Desk) -> None:
    assert (await desk.run("approvals")).out == "session\tagent\tasked\twhat\tcommand\n"
    waiting = await desk.house.waits("rm -f 'a\nb'")
    header, row = (await desk.run("approvals")).out.splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert (cells["session"], cells["agent"]) == (waiting["session_id"], "worker")
    assert (cells["what"], cells["command"]) == ("may it run?", "rm -f 'a \N{RETURN SYMBOL} b'")
    [asked] = json.loads((await desk.run("approvals", "--json")).out)
    assert (asked["call_id"], asked["command"]) == (waiting["call_id"], "rm -f 'a\nb'")
    assert json.loads((await desk.run("approvals", "--agent", "assistant", "--json")).out) == []


async def test_on_a_terminal_the_list_names_the_next_command(desk: Desk) -> None:
    waiting = await desk.house.waits("git add -A")

    def play(terminal: Terminal) -> None:
        terminal.expect(rf"{short_id(waiting['session_id'])} +worker")
        terminal.expect("may it run")
        terminal.expect("git add -A")
        terminal.expect(
            rf"Decide: duragent approve {short_id(waiting['session_id'])} --once \| --session \| --always \| --deny"
        )
        assert terminal.end() == 0

    await desk.at_terminal(["approvals"], play)

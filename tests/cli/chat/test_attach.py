"""`duragent attach` where there is no terminal: the list, or a way to go."""

import pytest

from tests.cli.desk import Desk


@pytest.mark.parametrize("arguments", [(), ("--list",), ("--list", "session_x")])
async def test_without_an_id_the_sessions_are_listed(desk: Desk, arguments: tuple[str, ...]) -> None:
    session_id = await desk.house.create()
    ran = await desk.run("attach", *arguments)
    assert (ran.code, ran.err) == (0, "")
    header, line = ran.out.splitlines()
    assert (header.split("\t")[0], line.split("\t")[:3]) == ("session", [session_id, "assistant", "idle"])


async def test_attach_in_a_pipe_names_the_command_for_pipes(desk: Desk) -> None:
    ran = await desk.run("attach", await desk.house.create())
    assert (ran.code, ran.out) == (2, "")
    assert "attach needs a terminal; `duragent session log -f` follows a session in a pipe" in ran.err

"""`duragent fork`: another way on from the same past."""

import json

import pytest

from tests.cli.desk import Desk


async def test_fork_prints_the_id_of_the_new_session_and_how_to_go_on(desk: Desk) -> None:
    parent = await desk.house.create()
    assert (await desk.house.say(parent, "hi")).status_code == 200
    ran = await desk.run("fork", f"{parent}@3", "--title", "Other way")
    child = ran.out.strip()
    assert (ran.code, ran.err) == (0, f"Shares the past of {parent}@3. Go on with: duragent attach {child}\n")
    ran = await desk.run("fork", parent.removeprefix("session_"), "--json")
    info = json.loads(ran.out)
    assert (info["parent"].partition("@")[0], info["status"]) == (parent, "active")


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("@9999", "has the records 1 to 2, not 9999"),
        ("@x", "'x' is no record: write ID@SEQ, with a number from 1"),
        ("@0", "'0' is no record: write ID@SEQ, with a number from 1"),
    ],
)
async def test_record_that_there_is_not_is_a_fault_of_the_command_line(desk: Desk, at: str, says: str) -> None:
    parent = await desk.house.create()
    ran = await desk.run("fork", f"{parent}{at}")
    assert (ran.code, ran.out, says in ran.err) == (2, "", True), ran.err


async def test_session_that_there_is_not_is_not_forked(desk: Desk) -> None:
    ran = await desk.run("fork", "session_none")
    assert (ran.code, "session 'session_none' not found" in ran.err) == (66, True), ran.err

"""`duragent approve`: a decision, from the command line or at a terminal."""

import json

import pytest

from tests.cli.desk import Desk
from tests.support.http_house import COUNTED
from tests.support.terminal import Terminal


async def test_approve_in_json_says_what_was_decided_and_what_came_of_it(desk: Desk) -> None:
    waiting = await desk.house.waits("rm -f one")
    ran = await desk.run(
        "approve",
        waiting["session_id"],
        "--always",
        "--pattern",
        "bash:rm -f *",
        "--call",
        waiting["call_id"],
        "--json",
    )
    said = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert (said["decision"], said["outcome"], said["content"]) == ("allow_always", "completed", "done it")
    [decided] = await desk.decided(waiting["session_id"])
    assert (decided["patterns"], decided["by"]) == (["bash:rm -f *"], "me")


async def test_whoever_comes_second_is_told_who_was_first(desk: Desk) -> None:
    waiting = await desk.house.waits(COUNTED)
    assert (await desk.house.decide(waiting, "deny", by="Ada")).status_code == 200
    ran = await desk.run("approve", waiting["session_id"], "--once", "--call", waiting["call_id"])
    assert (ran.code, ran.out, desk.house.count()) == (1, "", 0)
    assert "was decided before: deny, by Ada" in ran.err
    other = await desk.run("approve", waiting["session_id"], "--once", "--call", "call_other")
    assert (other.code, "call_other" in other.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nobody can be asked without a terminal: give --once, --session, --always or --deny"),
        (["--once", "--deny"], "only one of them"),
        (["--once", "--pattern", "bash:ls"], "--pattern goes with --session or --always"),
        (["--once", "--reason", "x"], "--reason goes with"),
        (["--retry"], "this call waits for approval"),
        (["--offer", "9"], "are offered; `duragent approvals --json`"),
        (["--once", "--offer", "1"], "give only one of them"),
    ],
)
async def test_a_wrong_command_line_decides_nothing(desk: Desk, arguments: list[str], says: str) -> None:
    waiting = await desk.house.waits(COUNTED)
    ran = await desk.run("approve", waiting["session_id"], *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert await desk.decided(waiting["session_id"]) == []


async def test_approve_on_a_terminal_shows_the_call_and_asks(desk: Desk) -> None:
    waiting = await desk.house.waits(f"rm -f x; {COUNTED}")

    def play(terminal: Terminal) -> None:
        terminal.expect(r"● bash  rm -f x; echo once >> count")
        terminal.expect("╔═ approval")
        terminal.expect("runs in: ")
        terminal.expect(r"\[y\] once")
        terminal.type("q\r")
        terminal.expect(r"\[y/[aend/]+\]")
        terminal.type("y\r")
        terminal.expect("me allowed it once")
        terminal.expect("done it")
        assert terminal.end() == 0

    await desk.at_terminal(["approve", waiting["session_id"]], play)
    assert desk.house.count() == 1


@pytest.mark.parametrize(
    ("arguments", "decision", "patterns"),
    [
        (["--session"], "allow_session", ["bash:mkdir *"]),
        (["--session", "--pattern", "bash:mkdir a*"], "allow_session", ["bash:mkdir a*"]),
        (["--offer", "1"], "allow_always", ["bash:mkdir a"]),
        (["--offer", "2"], "allow_session", ["bash:mkdir *"]),
    ],
)
async def test_an_offer_is_taken_by_its_number_or_its_scope(
    desk: Desk, arguments: list[str], decision: str, patterns: list[str]
) -> None:
    waiting = await desk.house.waits("mkdir a")
    ran = await desk.run("approve", waiting["session_id"], *arguments)
    assert (ran.code, "done it" in ran.out) == (0, True)
    [decided] = await desk.decided(waiting["session_id"])
    assert (decided["decision"], decided["patterns"]) == (decision, patterns)


async def test_approve_on_a_terminal_asks_how_wide(desk: Desk) -> None:
    waiting = await desk.house.waits("mkdir a")

    def play(terminal: Terminal) -> None:
        terminal.expect(r"\[y/a/e/n/d\]")
        terminal.type("a\r")
        terminal.expect("2 in this session: mkdir with any arguments")
        terminal.expect("which")
        terminal.type("7\r")
        terminal.expect("which")
        terminal.type("2\r")
        terminal.expect("me allows it in this session")
        assert terminal.end() == 0

    await desk.at_terminal(["approve", waiting["session_id"]], play)
    [decided] = await desk.decided(waiting["session_id"])
    assert decided["patterns"] == ["bash:mkdir *"]

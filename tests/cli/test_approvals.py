"""Approvals from the shell and in a chat, against a real server whose model asks for commands."""

import asyncio
import io
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import duragent
from duragent.cli import main
from duragent.cli.view import short_id
from tests.cli.conftest import Ran
from tests.support.http_house import TOKEN, House
from tests.support.terminal import Terminal

COUNTED = "echo once >> count"


class Desk:
    """A server with a worker, and a person at its commands."""

    def __init__(self, house: House, folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.house, self.folder, self._url, self._capsys = house, folder, url, capsys

    async def run(self, *arguments: str) -> Ran:
        """In a pipe."""
        code = await asyncio.to_thread(main.run, [*arguments, "--server", self._url])
        printed = self._capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    async def at_terminal(self, arguments: list[str], play: Callable[[Terminal], None]) -> None:
        root = str(Path(duragent.__file__).parent.parent)
        environ = {**os.environ, "PYTHONPATH": root, "USER": "me", "LOGNAME": "me"}
        command = [sys.executable, "-m", "duragent", *arguments, "--server", self._url]

        def played() -> None:
            with Terminal(command, self.folder, environ) as terminal:
                play(terminal)

        await asyncio.to_thread(played)

    async def decide(self, waiting: dict[str, Any], decision: str, **more: Any) -> int:
        body = {"call_id": waiting["call_id"], "decision": decision, **more}
        path = f"/api/v1/sessions/{waiting['session_id']}/approve"
        return (await self.house.http.post(path, json=body)).status_code

    async def decided(self, session_id: str) -> list[dict[str, Any]]:
        return [record for record in await self.house.log(session_id) if record["type"] == "approval_decided"]

    def count(self) -> int:
        path = self.folder / "project" / "count"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
async def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Desk]:
    monkeypatch.setenv("DURAGENT_TOKEN", TOKEN)
    monkeypatch.setenv("LOGNAME", "me")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    house = House(tmp_path)
    house.start()
    await house.worker()
    async with house.served() as (_, client):
        yield Desk(house, tmp_path, str(client.base_url).rstrip("/"), capsys)
    await house.close()


# --- from the shell -------------------------------------------------------------------------------------------------


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
        terminal.expect(r"Decide: duragent approve session_\w+ --once \| --always \| --deny")
        assert terminal.end() == 0

    await desk.at_terminal(["approvals"], play)


async def test_ask_says_what_waits_and_approve_prints_what_comes_of_it(desk: Desk) -> None:
    desk.house.script(COUNTED, "rm -f x", then="all done")
    asked = await desk.run("ask", "worker", "please")
    assert (asked.code, asked.out) == (3, "")
    assert "a tool call waits for approval in session_" in asked.err
    assert f"bash  {COUNTED}" in asked.err
    assert "Decide: duragent approve session_" in asked.err
    prefix = asked.err.rpartition("approve ")[2].split()[0]
    first = await desk.run("approve", prefix, "--once", "--as", "Ada")
    assert (first.code, first.out, desk.count()) == (3, "", 1)
    assert first.err.startswith(f"Ada allowed it once: {COUNTED}\n")
    assert "bash  rm -f x" in first.err
    second = await desk.run("approve", prefix.removeprefix("session_")[:10], "--deny", "--reason", "keep it")
    assert (second.code, second.out) == (0, "all done\n")
    told = desk.house.model.requests[-1].messages[-1].content
    assert "keep it" in told
    nothing = await desk.run("approve", prefix, "--once")
    assert (nothing.code, nothing.out) == (1, "")
    assert "nothing waits" in nothing.err
    assert "duragent approvals" in nothing.err


async def test_a_message_behind_a_waiting_call_does_not_wait_for_ever(desk: Desk) -> None:
    waiting = await desk.house.waits(COUNTED)
    asked = await desk.run("ask", "worker", "and?", "--session", waiting["session_id"], "--json")
    said = json.loads(asked.out)
    assert (asked.code, said["outcome"], said["approval"]["call_id"]) == (3, "waiting", waiting["call_id"])


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
    assert await desk.decide(waiting, "deny", by="Ada") == 200
    ran = await desk.run("approve", waiting["session_id"], "--once", "--call", waiting["call_id"])
    assert (ran.code, ran.out, desk.count()) == (1, "", 0)
    assert "was decided before: deny, by Ada" in ran.err
    other = await desk.run("approve", waiting["session_id"], "--once", "--call", "call_other")
    assert (other.code, "call_other" in other.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--once, --always or --deny"),
        (["--once", "--deny"], "only one of them"),
        (["--once", "--pattern", "bash:ls"], "--pattern goes with --always"),
        (["--once", "--reason", "x"], "--reason goes with"),
        (["--retry"], "this call waits for approval"),
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
    assert desk.count() == 1


# --- in a chat ------------------------------------------------------------------------------------------------------


async def test_the_box_comes_back_on_attach_and_a_key_answers_it(desk: Desk) -> None:
    waiting = await desk.house.waits(f"git status --short; rm -f x; {COUNTED}; echo seen")

    def play(terminal: Terminal) -> None:
        terminal.expect("> please")
        terminal.expect(r"● bash  git status --short; rm -f x")
        terminal.expect("╔═ approval")
        terminal.expect(r"\[y\] once")
        terminal.type("hey")
        terminal.expect("hey")
        terminal.type("\x7f\x7f\x7fy")
        terminal.expect(r"me allowed it once\.")
        terminal.expect("exit 0 · ")
        terminal.expect("done it")
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)
    assert desk.count() == 1
    said = [record for record in await desk.house.log(waiting["session_id"]) if record["type"] == "message_received"]
    assert len(said) == 1


async def test_a_message_typed_under_a_box_is_no_answer(desk: Desk) -> None:
    waiting = await desk.house.waits(f"git add one; {COUNTED}", "rm -f two")

    def play(terminal: Terminal) -> None:
        terminal.expect(r"\(not in the allow list\)")
        terminal.expect(r"\[a\] always: ")
        terminal.type("a")
        terminal.expect("Enter allows it always: .*; Esc goes back")
        terminal.type("nd please hurry")
        terminal.expect("> and please hurry")
        terminal.type("\x15yes, and no")
        terminal.expect("yes, and no")
        terminal.type("\x15a")
        terminal.expect("Enter allows it always")
        terminal.type("\x1b[200~pasted\x1b[201~")
        terminal.expect("pasted")
        terminal.type("\x15a")
        terminal.expect(r"Enter allows it always.*goes back\.\s+> ")
        terminal.type("\x1b")
        terminal.expect("> ")
        terminal.type("yy")
        terminal.expect("yy")
        terminal.type("\x15a")
        terminal.expect("Enter allows it always")
        terminal.type("\r")
        terminal.expect("me always allows it")
        terminal.expect("rm -f two")
        terminal.expect(r"\[y\] once")
        terminal.type("n")
        terminal.expect("me denied it")
        terminal.expect("done it")
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)
    assert [each["decision"] for each in await desk.decided(waiting["session_id"])] == ["allow_always", "deny"]
    said = [record for record in await desk.house.log(waiting["session_id"]) if record["type"] == "message_received"]
    assert (len(said), desk.count()) == (1, 1)


async def test_esc_leaves_the_input_line_of_a_box_at_once_and_alt_enter_does_not(desk: Desk) -> None:
    waiting = await desk.house.waits("git add one")

    def play(terminal: Terminal) -> None:
        terminal.expect(r"\[e\] edit pattern")
        for _ in range(20):
            terminal.type("d")
            terminal.expect(r"why\? ")
            began = time.monotonic()
            terminal.type("\x1b")
            terminal.expect("> ")
            # A terminal that waits for what may follow takes a second each time; a busy machine not each time.
            if time.monotonic() - began < 0.8:
                break
        else:
            raise AssertionError("it was never at once")
        terminal.type("e")
        terminal.expect("patterns> ")
        terminal.type("\x1b\rbash:seq *\r")
        terminal.expect('me always allows it: .*"bash:seq')
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)
    [decided] = await desk.decided(waiting["session_id"])
    assert decided["patterns"][1:] == ["bash:seq *"]


async def test_a_denial_can_say_why_and_a_pattern_can_be_edited(desk: Desk) -> None:
    waiting = await desk.house.waits("git add one", "rm -f two")

    def play(terminal: Terminal) -> None:
        terminal.expect(r"\[e\] edit pattern")
        terminal.type("d")
        terminal.expect(r"why\? ")
        terminal.type("not now\r")
        terminal.expect("me denied it: not now")
        terminal.expect("rm -f two")
        terminal.expect(r"\[y\] once")
        terminal.type("/approve always bash:rm -f *\r")
        terminal.expect(r'me always allows it: "bash:rm -f \*"')
        terminal.expect("done it")
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)
    decided = await desk.decided(waiting["session_id"])
    assert [(each["decision"], each.get("reason"), each.get("patterns")) for each in decided] == [
        ("deny", "not now", None),
        ("allow_always", None, ["bash:rm -f *"]),
    ]


async def test_the_offered_patterns_can_be_edited_in_the_input_line(desk: Desk) -> None:
    waiting = await desk.house.waits("git add one")
    [asked] = (await desk.house.http.get("/api/v1/approvals")).json()["approvals"]

    def play(terminal: Terminal) -> None:
        terminal.expect(r"\[e\] edit pattern")
        terminal.type("e")
        terminal.expect("patterns> ")
        terminal.type("x\r")
        terminal.expect("me always allows it")
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)
    [decided] = await desk.decided(waiting["session_id"])
    assert decided["patterns"] == [f"{asked['patterns'][-1]}x"]


async def test_who_decides_elsewhere_takes_the_box_away(desk: Desk) -> None:
    waiting = await desk.house.waits(COUNTED)
    loop = asyncio.get_running_loop()

    def play(terminal: Terminal) -> None:
        terminal.expect(r"\[y\] once")
        terminal.type("d")
        terminal.expect(r"why\? ")
        terminal.type("half a rea")
        # Not read yet, it would be typed into the ordinary input line.
        terminal.expect("half a rea")
        asyncio.run_coroutine_threadsafe(desk.decide(waiting, "allow_once", by="Ada"), loop).result(10)
        terminal.expect(r"Ada allowed it once\.")
        terminal.expect("done it")
        terminal.expect("It was decided elsewhere")
        terminal.type("y\x7f/approvals\r")
        terminal.expect("Nothing waits for a decision")
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)
    assert desk.count() == 1


async def test_output_is_seen_while_the_command_runs(desk: Desk) -> None:
    command = "rm -f x; seq 3; while [ ! -e go ]; do sleep 0.02; done; seq 10 30"
    waiting = await desk.house.waits(command)

    def play(terminal: Terminal) -> None:
        terminal.expect(r"\[y\] once")
        terminal.type("y")
        terminal.expect(r"  1\D+  2\D+  3")
        (desk.folder / "project" / "go").touch()
        terminal.expect(r"  10\D+  … 20 more lines")
        terminal.expect(r"exit 0 · 24 lines · [\d.]+ s")
        terminal.expect("done it")
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)

"""A person answers what a tool call asks, in a chat on a terminal."""

import asyncio
import time

from tests.cli.desk import Desk
from tests.support.http_house import COUNTED
from tests.support.terminal import Terminal


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
    assert desk.house.count() == 1
    said = [record for record in await desk.house.log(waiting["session_id"]) if record["type"] == "message_received"]
    assert len(said) == 1


async def test_a_message_typed_under_a_box_is_no_answer(desk: Desk) -> None:
    waiting = await desk.house.waits(f"git add one; {COUNTED}", "rm -f two")

    def play(terminal: Terminal) -> None:
        terminal.expect(r"\(not in the allow list\)")
        terminal.expect(r"\[a\] always")
        terminal.type("a")
        terminal.expect(r"Enter\] allows it")
        terminal.type("nd please hurry")
        terminal.expect("> and please hurry")
        terminal.type("\x15yes, and no")
        terminal.expect("yes, and no")
        terminal.type("\x15a")
        terminal.expect(r"Enter\] allows it")
        terminal.type("\x1b[200~pasted\x1b[201~")
        terminal.expect("pasted")
        terminal.type("\x15a")
        terminal.expect(r"Enter\] allows it")
        terminal.type("\x1b")
        terminal.expect(r"y\] once")
        terminal.type("yy")
        terminal.expect("yy")
        terminal.type("\x15a")
        terminal.expect(r"Enter\] allows it")
        terminal.type("\r")
        terminal.expect("me allows it in this session")
        terminal.expect("rm -f two")
        terminal.expect(r"\[y\] once")
        terminal.type("n")
        terminal.expect("me denied it")
        terminal.expect("done it")
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)
    assert [each["decision"] for each in await desk.decided(waiting["session_id"])] == ["allow_session", "deny"]
    said = [record for record in await desk.house.log(waiting["session_id"]) if record["type"] == "message_received"]
    assert (len(said), desk.house.count()) == (1, 1)


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
        terminal.expect('me allows it in this session: .*"bash:seq')
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
        terminal.expect("me allows it in this session")
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
        asyncio.run_coroutine_threadsafe(desk.house.decide(waiting, "allow_once", by="Ada"), loop).result(10)
        terminal.expect(r"Ada allowed it once\.")
        terminal.expect("done it")
        terminal.expect("It was decided elsewhere")
        terminal.type("y\x7f/approvals\r")
        terminal.expect("Nothing waits for a decision")
        terminal.type("\x04")
        assert terminal.end() == 0

    await desk.at_terminal(["attach", waiting["session_id"]], play)
    assert desk.house.count() == 1


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

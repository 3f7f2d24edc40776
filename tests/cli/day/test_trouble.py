"""What goes wrong on a day: keys, servers that die, windows that change."""

import json

import pytest

from duragent.testing.stub_llm import Failure, StubLlm
from tests.cli.day.day import USUAL_SPEED, Day, prompt_of, ready
from tests.cli.day.steps import NARROW, USUAL, WIDE
from tests.support.window import Window


@pytest.mark.parametrize("size", [USUAL], ids=str)
def test_keys(day: Day) -> None:
    """Windows of two sizes on one server: what it loads for a real provider takes longer than all else."""
    with StubLlm() as stub:
        day.place.environ["OPENAI_BASE_URL"] = stub.openai_url
        day.close(day.chat())
        with day.step("a key that comes later"):
            chat = day.window("chat", OPENAI_API_KEY="sk-right")
            chat.see(r"OPENAI_API_KEY is set\. Let .assistant. use openai/\S+ in place .*\[Y/n\]:$")
            chat.type("\r")
            chat.see(r"the server that runs does not have it\. .*\[Y/n\]:$")
            chat.type("\r")
            ready(chat)
            chat.type("hello\r")
            chat.see("> hello You said: hello")
            ready(chat)
            assert "sk-right" not in chat.everything
        assert stub.requests[-1].headers["authorization"] == "Bearer sk-right"
        for size in (USUAL, NARROW):
            _asks_a_provider(day, stub, day.chat(size=size))


def _asks_a_provider(day: Day, stub: StubLlm, chat: Window) -> None:
    with day.step("wrong key"):
        stub.script(Failure(401, "Incorrect API key provided: sk-wrong."))
        chat.type("is anybody there?\r")
        chat.find("The turn failed:.*key")
        ready(chat)
    with day.step("right key"):
        chat.type("and now?\r")
        chat.see("> and now\\? You said: ")
        ready(chat)
    with day.step("slow provider"):
        stub.script(Failure(503, "overloaded", headers={"retry-after": "1"}))
        chat.type("once more\r")
        chat.find("No answer yet.*asking again")
        chat.see("You said: once more")
        ready(chat)


@pytest.mark.parametrize("size", [USUAL], ids=str)
def test_server_dies(day: Day) -> None:
    chat = day.chat(DURAGENT_DEMO_SPEED=USUAL_SPEED)
    with day.step("server dies in an answer"):
        chat.type("count to 25\r")
        chat.see("1 2 3 4 5")
        day.place.kill_server()
        chat.see("reconnecting")
        chat.find("The server was gone: started it again")
        chat.find("23 24 25")
        ready(chat)
    with day.step("server dies under a question"):
        chat.type("run touch made\r")
        chat.see(r"approval.*\[y\] once.*\[n\] deny")
        day.place.kill_server()
        chat.see("reconnecting")
        chat.type("y")
        chat.find("allowed it once.*exit 0")
        ready(chat)
        assert (day.folder / "made").exists()
    with day.step("server is stopped"):
        assert day.place.run("serve", "stop").returncode == 0
        chat.see("reconnecting")
        chat.type("repeat back again\r")
        chat.find("> repeat back again back again")
        ready(chat)
    chat.type("\x04")
    assert chat.end() == 0


@pytest.mark.parametrize("size", [USUAL], ids=str)
def test_window_changes(day: Day) -> None:
    chat = day.chat(DURAGENT_DEMO_SPEED=USUAL_SPEED)
    with day.step("window changes in an answer"):
        chat.type("count to 40\r")
        chat.see("1 2 3 4 5 6")
        chat.resize(NARROW)
        chat.see("7 8 9 10")
        chat.resize(WIDE)
        chat.see("15 16 17 18 19 20")
        chat.resize(USUAL)
        chat.find("37 38 39 40")
        ready(chat)
        chat.until(lambda: chat.lines[-1].strip() == ">", "the prompt is not the last line")
    with day.step("window changes under a draft"):
        draft = "a draft of some words that is longer than the narrow window is wide"
        chat.type(draft)
        chat.see(draft)
        chat.resize(NARROW)
        chat.see("> a draft of some words that is longer t han the narrow window is wide")
        chat.resize(USUAL)
        chat.until(lambda: prompt_of(chat) == draft, "the draft is not there")
        chat.type("\x15")
        ready(chat)
    with day.step("window changes under a question"):
        chat.type("run touch made\r")
        chat.see(r"approval.*\[y\] once")
        for size in (NARROW, WIDE, USUAL):
            chat.resize(size)
            chat.see(r"╔═ approval ═+╗ ║ touch made.*\[y\] once.*\[d\] deny and say why +║ ╚═+╝ >$")
        chat.type("n")
        chat.see("me denied it")
        ready(chat)


@pytest.mark.parametrize("size", [USUAL], ids=str)
def test_two_terminals(day: Day) -> None:
    mine = day.chat()
    mine.type("repeat hello\r")
    mine.see("> repeat hello hello")
    ready(mine)
    with day.step("a second terminal"):
        [session] = day.place.sessions()
        hers = day.window("attach", session["session_id"], "--as", "Ada", size=NARROW)
        ready(hers)
    with day.step("messages of the other"):
        mine.type("a draft of mine")
        hers.type("repeat good morning\r")
        mine.see("Ada> repeat good morning")
        mine.see("good morning .*> a draft of mine$")
        hers.see("> repeat good morning good morning")
        ready(hers)
        mine.type("\x15")
        ready(mine)
    with day.step("the other decides"):
        mine.type("run touch made\r")
        for window in (mine, hers):
            window.see(r"approval.*\[y\] once.*\[n\] deny")
        hers.type("y")
        for window in (mine, hers):
            window.see("Ada allowed it once.*exit 0")
            ready(window)
            window.until(lambda window=window: "[y]" not in window.text, "the question is left behind")  # type: ignore[misc]
    assert (day.folder / "made").exists()
    assert json.loads(day.place.run("approvals", "--json").stdout) == []

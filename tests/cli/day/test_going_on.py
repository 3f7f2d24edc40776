"""A day later: going on with what was said, and keeping house."""

import pytest

from tests.cli.day.day import Day, ready
from tests.cli.day.steps import NARROW, USUAL


@pytest.mark.parametrize("size", [USUAL, NARROW], ids=str)
def test_going_on(day: Day) -> None:
    with day.step("nothing said"):
        chat = day.chat()
        chat.type("\x04")
        assert chat.end() == 0
        assert day.place.sessions() == []
        day.close(chat)
    for topic in ("repeat tea", "repeat coffee"):
        chat = day.chat()
        chat.type(f"{topic}\r")
        chat.see(f"> {topic} {topic.removeprefix('repeat ')}")
        ready(chat)
        chat.type("\x04")
        assert chat.end() == 0
        day.close(chat)
    with day.step("the last one"):
        chat = day.chat("-c")
        chat.find("> repeat coffee coffee")
        chat.type("repeat with milk\r")
        chat.see("> repeat with milk with milk")
        ready(chat)
        chat.type("\x04")
        assert chat.end() == 0
        day.close(chat)
        assert len(day.place.sessions()) == 2
    with day.step("a picker"):
        chat = day.window("chat", "--resume")
        chat.see("1 repeat coffee.*2 repeat tea.*find>$")
        chat.type("tea")
        chat.until(lambda: "coffee" not in chat.text, "what does not fit is still there")
        chat.type("\r")
        chat.find("> repeat tea tea")
        ready(chat)
    with day.step("a picker in a chat"):
        chat.type("/sessions\r")
        chat.see("you are here.*find>$")
        chat.type("te")
        chat.see("find> te$")
        chat.type("\x1b")
        ready(chat)
        chat.type("/sessions\r")
        chat.see("repeat coffee.*find>$")
        chat.type("coffee\r")
        chat.see("> repeat coffee coffee.*> repeat with milk with milk")
        ready(chat)
        chat.type("\x04")
        assert chat.end() == 0
        day.close(chat)
    with day.step("attach"):
        chat = day.window("attach")
        chat.find("> repeat with milk with milk")
        ready(chat)
        chat.type("\x04")
        assert chat.end() == 0
    with day.step("the list"):
        shown = day.window("session", "list")
        assert shown.end() == 0
        shown.see("idle.*repeat.*coffee.*idle.*repeat.*tea")
    with day.step("another agent"):
        made = day.window("agent", "create", "poet", "--no-interactive")
        assert made.end() == 0
        chat = day.window("chat")
        chat.see("Which agent.*assistant.*poet.*find>$")
        chat.type("poet")
        chat.see("agent[?] .* > 2 poet")
        chat.type("\r")
        chat.find("poet · new session")
        ready(chat)

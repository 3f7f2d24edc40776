"""How it looks where colours are few, unwanted or on a light background, and where nothing can be drawn at all."""

import re

import pytest

from tests.cli.day.day import Day, ready
from tests.cli.day.steps import NARROW, USUAL
from tests.support.window import LIGHT, Window

_HARD_ON_WHITE = {"white", "brightwhite", "brightyellow", "brightbrown", "brown", "brightgreen", "brightcyan", "cyan"}
"""Names of pyte's; `brown` is the ordinary yellow."""
_ANSWER = """repeat ## A table

| fruit | colour |
|-------|--------|
| apple | red |

```python
def greet(name: str) -> str:
    return f"hello {name}"
```

> **of** `no` *importance*"""


def _busy_screen(chat: Window) -> None:
    """A command's result, and an answer with code and a table."""
    chat.type("run ls\r")
    chat.find("exit 0")
    ready(chat)
    chat.paste(_ANSWER)
    chat.type("\r")
    chat.find("def greet.*of no importance")
    ready(chat)


@pytest.mark.parametrize("size", [USUAL], ids=str)
def test_looks(day: Day) -> None:
    with day.step("no colours"):
        plain = day.chat(NO_COLOR="1")
        _busy_screen(plain)
        plain.type("run touch made\r")
        plain.see(r"approval.*\[y\] .*\[n\] deny")
        assert {(letter.front, letter.back) for letter in plain.letters} == {("default", "default")}
        plain.type("n")
        plain.see("denied it")
    with day.step("light background"):
        light = day.chat(background=LIGHT)
        _busy_screen(light)
        light.type("write hello to made.txt\r")
        light.see(r"╔═ approval .*\[y\] .*\[n\] deny")
        hard = {(letter.front, letter.text) for letter in light.letters if letter.front in _HARD_ON_WHITE}
        assert (hard, {letter.back for letter in light.letters}) == (set(), {"default"})
        assert not re.search(r"\x1b\[[0-9;]*(?:38|48);[25];", light.raw), "a colour that the terminal has not chosen"


@pytest.mark.parametrize("size", [USUAL, NARROW], ids=str)
def test_dumb_terminal(day: Day) -> None:
    chat = day.window("chat", TERM="dumb")
    with day.step("nothing is redrawn"):
        chat.find("Ctrl-C stops the answer.* >$")
        chat.type("hello\r")
        chat.see("> hello Hello! I am the demo model.*say help. >$")
        chat.type("repeat one \\\r")
        chat.type("and two\r")
        chat.see(r"> repeat one \\ and two one and two >$")
    with day.step("a file in lines"):
        (day.folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        chat.type("repeat @photo.png\r")
        chat.see("> repeat @photo.png with photo.png [(]a file of 8 bytes[)] @photo.png .*>$")
    with day.step("a question in lines"):
        chat.type("run touch made\r")
        chat.see("Approval needed: bash touch made.*y: once.*n: deny.* >$")
        chat.type("what is it for?\r")
        chat.type("d not today\r")
        chat.find("me denied it: not today")
        chat.see("You said: what is it for.* >$")
        chat.type("run touch other\r")
        chat.see("Approval needed: bash touch other.*n: deny.* >$")
        chat.type("y\r")
        chat.see("> y me allowed it once. exit 0.* its exit code is 0. >$")
        assert (day.folder / "other").exists()
    with day.step("stopped and left in lines"):
        chat.type("run sleep 600\r")
        chat.see("● bash sleep 600 allowed by")
        chat.type("\x03")
        chat.find("Stopped.* >$")
        chat.type("\x03")
        chat.see("Ctrl-D leaves; the session goes on without you. >$")
        chat.type("\x04")
        assert chat.end() == 0
        chat.see(r"Detached\. .*duragent attach \S+$")
    assert "\x1b" not in chat.raw

"""Work on files: edits that are refused, allowed and taken back, commands of the person, long texts."""

import pytest

from tests.cli.day.day import Day, ready
from tests.cli.day.steps import NARROW, USUAL
from tests.support.until import until_sync
from tests.support.window import Window

_POEM = "roses are red\nviolets are blue\n"
_EDIT = 'replace "red" with "white" in poem.txt'
_ALLOWED = "builtin:edit_file poem.txt *"
_KEYS = r"╔═ approval .*\[y\] .*\[n\] .*╝ >$"


@pytest.mark.parametrize("size", [USUAL, NARROW], ids=str)
def test_edits(day: Day) -> None:
    poem = day.folder / "poem.txt"
    poem.write_text(_POEM)
    with day.step("a first message on the command line"):
        chat = day.window("chat", _EDIT)
        chat.see(_KEYS)
    with day.step("the change before the decision"):
        chat.see(r"-roses are red.*\+roses are white.*\[y\] once.*\[v\] show all")
        chat.type("but")
        chat.see(r"Your draft is no answer.*> but$")
        chat.type("\x1b")
        chat.see("Your draft comes back when the turn has ended. >$")
    with day.step("an edit refused"):
        chat.type("n")
        chat.see("me denied it. .*was not allowed.*> but$")
        chat.type("\x15")
        ready(chat)
        assert poem.read_text() == _POEM
    with day.step("an edit allowed"):
        _asks_and_is_allowed(chat, 1)
        chat.find(r"me allowed it once\. poem\.txt \+1 -1 · Ctrl-O shows all")
        assert poem.read_text() == _POEM.replace("red", "white")
    with day.step("what was changed"):
        chat.type("/diff\r")
        chat.see("> /diff poem.txt · changed .*-roses are red .*roses are white")
        ready(chat)
    with day.step("taken back"):
        chat.type("/undo\r")
        chat.see("> /undo poem.txt · changed .*-roses are white .*roses are red.*Put back")
        ready(chat)
        assert poem.read_text() == _POEM
    with day.step("taken back after another change"):
        _asks_and_is_allowed(chat, 2)
        poem.write_text("all of it is mine now\n")
        chat.type("/undo\r")
        chat.see("> /undo poem.txt stays as it is: it was changed by someone else since")
        ready(chat)
        assert poem.read_text() == "all of it is mine now\n"
    with day.step("allowed for the session"):
        poem.write_text(_POEM)
        chat.type(f"{_EDIT}\r")
        chat.see(_KEYS)
        chat.type("a")
        chat.see(r"1 in this session: changes of .*poem\.txt.*\[Enter\] allows it.*╝ >$")
        chat.type("\r")
        chat.find("me allows it in this session")
        until_sync(lambda: poem.read_text() != _POEM)
        ready(chat)
        chat.type('replace "white" with "red" in poem.txt\r')
        until_sync(lambda: poem.read_text() == _POEM)
        ready(chat)
    with day.step("an allowance taken back"):
        assert _ALLOWED in day.place.run("policy", "list").stdout
        assert day.place.run("policy", "revoke", _ALLOWED).returncode == 0
        chat.see("took back for this session")
        chat.type(f"{_EDIT}\r")
        chat.see(_KEYS)


def _asks_and_is_allowed(chat: Window, times: int) -> None:
    """`times`: how often it was allowed then."""
    chat.type(f"{_EDIT}\r")
    chat.see(_KEYS)
    chat.type("y")
    chat.until(lambda: chat.everything.count("me allowed it once") == times, "it was not allowed")
    ready(chat)


@pytest.mark.parametrize("size", [USUAL, NARROW], ids=str)
def test_commands_and_long_texts(day: Day) -> None:
    (day.folder / "notes.txt").write_text("a note\n")
    chat = day.chat(PAGER="cat")
    with day.step("a command of one's own"):
        chat.type("!ls; seq 1 100\r")
        chat.see(r"> !ls; seq 1 100 .*notes\.txt 1 2 .*more lines exit 0 · 101 lines")
        ready(chat)
    with day.step("all of a long result"):
        chat.type("\x0f")
        chat.find("59 +60 +61")
        ready(chat)
    with day.step("how things stand"):
        chat.type("repeat one\r")
        chat.see("> repeat one one")
        chat.see(r"demo · context \d+% .*>$")
    with day.step("a long paste"):
        chat.paste("\n".join(f"line {number}" for number in range(30)))
        chat.see(r"> \[pasted 30 lines\]$")
        chat.type("\r")
        chat.find(r"> \[pasted 30 lines\] You said: line 0 .*line 29 That was message .*a long text\)\.")
        ready(chat)
        assert day.said()[-1].splitlines()[-1] == "line 29"
    with day.step("a huge paste"):
        chat.paste(("x" * 79 + "\n") * 50_000)
        chat.see(r"too much for a message.*> \[pasted 50,000 lines\]$")
        chat.type("\x03")
        ready(chat)
    with day.step("the conversation as a file"):
        chat.type("/export talk.md\r")
        chat.see("> /export talk.md .*talk.md")
        ready(chat)
        assert "repeat one" in (day.folder / "talk.md").read_text()
    with day.step("another model"):
        chat.type("/model\r")
        chat.see("> /model The agent's own model answers.*/model PROVIDER/NAME")
        ready(chat)
    with day.step("another answer"):
        chat.type("/retry\r")
        chat.find("> /retry Another answer.*> line 0.*You said: line 0")
        ready(chat)
    with day.step("one question"):
        asked = day.window("ask", "repeat good night")
        assert asked.end() == 0
        asked.see("^good night")

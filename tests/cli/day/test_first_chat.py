"""The first chat of a new user, from an empty folder to the shell again."""

from tests.cli.day.day import Day, prompt_of, ready
from tests.support.window import Window

_WIDE = "repeat 日本語 漢字 🙂 ok"


def test_first_chat(day: Day) -> None:
    with day.step("help"):
        shown = day.window("--help")
        assert shown.end() == 0
        assert "chat" in shown.everything
        day.close(shown)
    with day.step("first chat"):
        chat = day.window("chat")
        chat.find("No workspace here: made .duragent/ with one agent")
        chat.find("no Ollama on localhost: using the offline demo model")
        chat.find("Started a server on .*serve stop")
        chat.see("/help for commands · Ctrl-D detaches · Ctrl-C stops the answer")
        ready(chat)
    _talk(day, chat)
    _commands(day, chat)
    _leave(day, chat)
    assert day.said()[:2] == ["hello", _WIDE]


def _talk(day: Day, chat: Window) -> None:
    with day.step("first answer"):
        chat.type("hello\r")
        chat.see("> hello Hello! I am the demo model")
        chat.see("say help")
        ready(chat)
        assert chat.everything.count("> hello") == 1
    with day.step("wide letters"):
        chat.type(_WIDE)
        chat.until(lambda: prompt_of(chat) == _WIDE, "the letters are not in the input line")
        assert chat.cursor[1] == len("> ") + len(_WIDE) + len("日本語漢字🙂")
        chat.type("\r")
        chat.see("> repeat 日本語 漢字 🙂 ok 日本語 漢字 🙂 ok")
        ready(chat)
    with day.step("long answer"):
        chat.type("write me a long text\r")
        chat.find("A long text.*A list.*A table.*Some code.*def greet.*of no importance")
        ready(chat)
        chat.until(lambda: "```" not in chat.everything, "what was shown meanwhile is left behind")
        assert chat.everything.count("def greet") == 1


def _commands(day: Day, chat: Window) -> None:
    with day.step("menu"):
        chat.type("/")
        chat.see("> / +/help")
        chat.type("\x7f")
        ready(chat)
        chat.until(lambda: chat.lines[-1].strip() == ">", "the menu is left behind")
    with day.step("commands"):
        chat.type("/help\r")
        chat.find("> /help.*/status.*/approve.*Alt-Enter")
        ready(chat)
    with day.step("unknown command"):
        chat.type("/nonsense\r")
        chat.see("There is no /nonsense")
        ready(chat)
    with day.step("several lines"):
        chat.type("repeat one\x1b\rand two\r")
        chat.see("> repeat one.*and two.*one and two")
        ready(chat)
    with day.step("older line"):
        chat.type("\x1b[A")
        chat.see("repeat one.*and two$")
        chat.type("\x03")
        ready(chat)


def _leave(day: Day, chat: Window) -> None:
    with day.step("stop"):
        chat.type("count to 500\r")
        chat.see("1 2 3 4")
        chat.type("\x03")
        chat.see("not finished.*Stopped")
        ready(chat)
    with day.step("nothing to stop"):
        chat.type("\x03")
        chat.see("Ctrl-D leaves")
    with day.step("detach"):
        chat.type("\x04")
        assert chat.end() == 0
        chat.see(r"Detached\. .*duragent attach \S+$")
        assert chat.cursor[1] == 0

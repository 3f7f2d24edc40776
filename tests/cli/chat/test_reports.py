"""What a terminal says of itself among what a person types."""

import io
from collections.abc import Iterator

import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.output.vt100 import Vt100_Output

from duragent.cli import looks
from duragent.cli.chat.keyboard import Keyboard
from duragent.cli.chat.reports import Reports, without_focus
from duragent.config import TerminalSettings
from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk
from tests.support.until import until

LIGHT = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"
SAID = [LIGHT, "\x1b]11;rgb:ff/fe/ee\x07", "\x1b]11;rgba:ffff/ffff/ffff/ffff\x07", "\x1b[I", "\x1b[O"]


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("VTE_VERSION", raising=False)
    before = looks.theme()
    looks.set_theme("dark")
    yield
    looks.set_theme(before)


def pressed(reports: Reports, *pieces: str, pause: bool = False) -> str:
    """What is left as typed; with a pause between the pieces that is long enough to be Esc alone."""
    got: list[str] = []
    keyboard = Keyboard(lambda press: got.append(press.data), reports.taken_out)
    for piece in pieces:
        keyboard.feed(piece)
        if pause:
            keyboard.flush()
    keyboard.flush()
    return "".join(got)


@pytest.mark.parametrize("said", SAID)
def test_nothing_of_it_is_typed_however_it_is_cut(said: str) -> None:
    sent = f"ab{said}c"
    for size in range(1, len(sent) + 1):
        assert (
            pressed(Reports(TerminalSettings()), *(sent[at : at + size] for at in range(0, len(sent), size))) == "abc"
        )


def test_an_answer_that_comes_slowly_is_no_key() -> None:
    for at in range(5, len(LIGHT)):
        assert pressed(Reports(TerminalSettings()), LIGHT[:at], LIGHT[at:], pause=True) == "", at


@pytest.mark.parametrize("typed", ["\x1b", "\x1b]", "\x1b[", "\x1b]a", "\x1b]1x", "\x1b[A", "]11;rgb:"])
def test_keys_that_look_like_it_are_keys(typed: str) -> None:
    assert pressed(Reports(TerminalSettings()), typed) == typed


@pytest.mark.parametrize(
    ("setting", "said", "theme"),
    [("auto", LIGHT, "light"), ("auto", "\x1b]11;rgb:1e1e/1e1e/2e2e\x07", "dark"), ("dark", LIGHT, "dark")],
)
def test_background_chooses_the_colours_unless_they_are_set(setting: str, said: str, theme: str) -> None:
    pressed(Reports(TerminalSettings.model_validate({"theme": setting})), said)
    assert looks.theme() == theme


@pytest.mark.parametrize(
    ("bell", "said", "sent"),
    [
        (True, "", ""),
        (True, "\x1b[I", ""),
        (True, "\x1b[O", "\x1b]9;duragent: a, b\x07\x07"),
        (True, "\x1b[O\x1b[I", ""),
        (False, "\x1b[O", ""),
        ("always", "\x1b[I", "\x1b]9;duragent: a, b\x07\x07"),
    ],
)
def test_a_person_who_looks_elsewhere_is_told(bell: bool | str, said: str, sent: str) -> None:
    reports = Reports(TerminalSettings.model_validate({"bell": bell}))
    reports.taken_out(said)
    assert reports.notice("a; b") == sent


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({"TERM": "tmux-256color"}, "\x07"),
        ({"TERM": "linux"}, "\x07"),
        ({"VTE_VERSION": "7600"}, "\x1b]777;notify;duragent;x\ufffdy\x07\x07"),
    ],
)
def test_each_terminal_is_told_in_its_own_way(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], sent: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Reports(TerminalSettings(bell="always")).notice("x\x1by") == sent


@pytest.mark.parametrize("term", ["dumb", "linux"])
def test_a_terminal_that_cannot_be_asked_is_sent_nothing(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setenv("TERM", term)
    screen = io.StringIO()
    output = Vt100_Output(screen, lambda: Size(rows=40, columns=100))
    with Reports(TerminalSettings()).asked(output), without_focus(output):
        pass
    assert screen.getvalue() == ""


async def test_an_answer_out_of_sight_rings_and_what_was_switched_on_is_switched_off(desk: Desk) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type(f"\x1b[O{LIGHT}hello\r")
        await terminal.shows("\x1b]9;duragent: assistant has answered\x07\x07")
        assert looks.theme() == "light"
        await until(lambda: "\x1b[?1004h" in terminal.screen.getvalue())
        terminal.type("\x1b[Iagain\r")
        await until(lambda: len(desk.house.model.requests) == 2)
        terminal.type("\x04")
        assert await terminal.left() == "leave"
    shown = terminal.screen.getvalue()
    assert shown.count("has answered") == 1
    assert shown.rfind("\x1b[?1004l") > shown.rfind("\x1b[?1004h")

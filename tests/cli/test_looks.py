"""Colours by what they are for."""

import re
from collections.abc import Iterator

import pytest

from duragent.cli import looks, view
from duragent.cli.chat.conversation import AnswerBlock, Block, MessageBlock, Note
from duragent.cli.chat.render import render
from duragent.cli.chat.tool_blocks import called, returned
from tests.cli.chat.calls import finished
from tests.cli.place import DURAGENT, Place
from tests.support.window import Size, Window

ANSWER = (
    "# Title\n\nUse `ls`:\n\n```python\ndef f(x):\n    return 'a' + x  # why\n```\n\n1. one\n> said\n\n[l](http://x)"
)


@pytest.fixture(autouse=True)
def _theme(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # The richest terminal, which must get no more than the others.
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    before = looks.theme()
    yield
    looks.set_theme(before)


def codes(theme: looks.ThemeName) -> set[int]:
    """The numbers in all colour codes of every kind of block."""
    looks.set_theme(theme)
    blocks: list[Block] = [
        AnswerBlock(ANSWER),
        MessageBlock("a", "b"),
        Note("a", "warning"),
        Note("b", "error"),
        Note("c"),
    ]
    blocks += [called("bash", "ls", "a rule"), returned(finished("x", details={"diff": "@@ -1 +1 @@\n-a\n+b"}))]
    shown = "".join(render(block, 80, colour=True) for block in blocks)
    return {int(number) for code in re.findall(r"\x1b\[([0-9;]*)m", shown) for number in code.split(";") if number}


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_only_the_sixteen_colours_are_used_and_no_background_is_set(theme: looks.ThemeName) -> None:
    used = codes(theme)
    assert not {number for number in used if 40 <= number < 50 or number >= 100}
    assert not used & {38, 48}


def test_yellow_and_cyan_are_not_written_on_a_light_background() -> None:
    assert {33, 36, 93, 96} & codes("dark") >= {33, 36}
    assert not {33, 36, 93, 96, 37, 97} & codes("light")


def test_theme_none_has_no_codes_at_all() -> None:
    assert codes("none") == set()


@pytest.mark.parametrize(
    ("theme", "role", "shown"),
    [
        ("dark", "headline", "\x1b[33mx\x1b[0m"),
        ("light", "headline", "\x1b[35mx\x1b[0m"),
        ("dark", "error", "\x1b[31m\x1b[1mx\x1b[0m"),
        ("dark", "quiet", "\x1b[2mx\x1b[0m"),
        ("dark", "", "x"),
        ("none", "error", "x"),
    ],
)
def test_commands_paint_with_the_same_looks(
    theme: looks.ThemeName, role: looks.Role, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "on_terminal", lambda stream: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    looks.set_theme(theme)
    assert view.paint("x", role) == shown


@pytest.mark.parametrize(("theme", "colours"), [("none", {"default"}), ("auto", {"default", "green"})])
def test_setting_holds_for_every_command(place: Place, theme: str, colours: set[str]) -> None:
    place.run("init", "--no-interactive")
    (place.folder / "duragent.yaml").write_text(f"terminal: {{theme: {theme}}}\n")
    with Window([*DURAGENT, "agent", "check"], place.folder, place.environ, Size(80, 24)) as window:
        window.see("ok +assistant")
        assert window.end() == 0
        assert {letter.front for letter in window.letters} == colours


@pytest.mark.parametrize(
    ("colorfgbg", "theme"),
    [("15;0", "dark"), ("0;15", "light"), ("0;default;15", "light"), ("12;8", "dark"), ("0;7", "light"), ("", None)],
)
def test_environment_tells_the_background_where_it_says_anything(colorfgbg: str, theme: str | None) -> None:
    assert looks.told_by_environment(colorfgbg) == theme


@pytest.mark.parametrize(
    ("colour", "theme"), [((0, 0, 0), "dark"), ((1, 1, 1), "light"), ((0.99, 0.96, 0.89), "light")]
)
def test_colour_of_the_background_says_which_theme(colour: tuple[float, float, float], theme: str) -> None:
    assert looks.told_by_colour(*colour) == theme


def test_setting_wins_over_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORFGBG", "0;15")
    looks.begin_theme("auto")
    assert (looks.theme(), looks.style("warning"), looks.prompt_style("theirs")) == (
        "light",
        "magenta",
        "bold ansiblue",
    )
    looks.begin_theme("dark")
    assert (looks.theme(), looks.style("warning")) == ("dark", "yellow")

"""Colours by what they are for. All are of the terminal's own sixteen and none sets a background, so that they go with
what the person chose; only which of them can be read depends on whether the background is dark or light.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.syntax import SyntaxTheme

ThemeName = Literal["dark", "light", "none"]
Role = Literal[
    "",
    "quiet",
    "strong",
    "headline",
    "good",
    "note",
    "warning",
    "error",
    "mine",
    "theirs",
    "call",
    "added",
    "removed",
    "place",
    "code",
]

_DARK: Mapping[str, str] = {
    "quiet": "dim",
    "strong": "bold",
    "headline": "yellow",
    "good": "green",
    "note": "blue",
    "warning": "yellow",
    "error": "bold red",
    "mine": "bold green",
    "theirs": "bold cyan",
    "call": "cyan",
    "added": "green",
    "removed": "red",
    "place": "cyan",
    "code": "cyan",
}
# Yellow and cyan cannot be read on white in the colours that many terminals come with.
_LIGHT: Mapping[str, str] = {
    **_DARK,
    "headline": "magenta",
    "warning": "magenta",
    "theirs": "bold blue",
    "call": "blue",
    "place": "blue",
    "code": "blue",
}
_STYLES: Mapping[ThemeName, Mapping[str, str]] = {"dark": _DARK, "light": _LIGHT, "none": {}}

COLOURS = frozenset(("red", "green", "yellow", "blue", "magenta", "cyan"))

_theme: ThemeName = "dark"


def set_theme(theme: ThemeName) -> None:
    """Which colours are used, for the rest of this command."""
    global _theme
    _theme = theme


def theme() -> ThemeName:
    return _theme


def style(role: str) -> str:
    """For rich; "" for ordinary text."""
    return _STYLES[_theme].get(role, "")


def prompt_style(role: str) -> str:
    """The same for prompt_toolkit, which puts `ansi` before a colour."""
    return " ".join(f"ansi{word}" if word in COLOURS else word for word in style(role).split())


_UNREADABLE_ON_LIGHT = {"cyan": "blue", "yellow": "magenta", "white": "default"}


def code_theme() -> "SyntaxTheme":
    """The colours for code."""
    from rich.style import Style
    from rich.syntax import ANSI_DARK, ANSI_LIGHT, ANSISyntaxTheme

    if _theme != "light":
        return ANSISyntaxTheme(ANSI_DARK)
    others = {name: Style(color=other) for name, other in _UNREADABLE_ON_LIGHT.items()}
    changed = {
        kind: each + others.get(each.color.name if each.color else "", Style()) for kind, each in ANSI_LIGHT.items()
    }
    return ANSISyntaxTheme(changed)


def markdown_styles() -> dict[str, str]:
    """Styles of Markdown in place of rich's own, some of which set a black background."""
    code, quiet = style("code") or "none", style("quiet") or "none"
    names = ("markdown.code", "markdown.code_block", "markdown.kbd")
    places = ("markdown.list", "markdown.item.number", "markdown.table.border", "markdown.table.header")
    return {
        **dict.fromkeys(names, code),
        **dict.fromkeys(places, style("place") or "none"),
        "markdown.block_quote": quiet,
        "markdown.link": "underline",
        "markdown.link_url": f"underline {style('place')}".strip(),
    }


def begin_theme(setting: "ThemeName | Literal['auto']") -> None:
    """The theme of the setting; with `auto`, what can be known before the terminal has been asked."""
    set_theme((told_by_environment(os.environ.get("COLORFGBG", "")) or "dark") if setting == "auto" else setting)


def told_by_environment(colorfgbg: str) -> ThemeName | None:
    """What COLORFGBG says, such as `15;0`: the number of the background comes last. None when it says nothing."""
    background = colorfgbg.rpartition(";")[2]
    if not background.isdecimal() or int(background) > 15:
        return None
    return "light" if int(background) in (7, *range(9, 16)) else "dark"


def told_by_colour(red: float, green: float, blue: float) -> ThemeName:
    """For a background of that colour; each part is 0 to 1."""
    return "light" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "dark"

"""Blocks of a conversation as text for a terminal, and the last lines of an answer that is being written."""

import io
import os
import sys
from typing import TYPE_CHECKING

from duragent.cli.conversation import Answered, Block, Note, Said
from duragent.cli.view import clean, in_colour

if TYPE_CHECKING:
    from rich.console import RenderableType

_MOODS = {"quiet": "dim", "warning": "yellow", "error": "bold red"}
_MIN_WIDTH = 20


def render(block: Block, width: int, *, colour: bool | None = None) -> str:
    """The block as lines with ANSI colours, with a newline at its end."""
    from rich.console import Console

    colour = in_colour() if colour is None else colour
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(width, _MIN_WIDTH),
        force_terminal=True,
        color_system="auto" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={**os.environ, "TERM": os.environ.get("TERM", "xterm")},
    )
    for part in _parts(block):
        console.print(part)
    return out.getvalue()


def _parts(block: Block) -> "list[RenderableType]":
    from rich.markdown import Markdown
    from rich.text import Text

    match block:
        case Said(text, who):
            line = Text()
            line.append(f"{clean(who)}> " if who else "> ", style="bold cyan" if who else "bold green")
            line.append(clean(text))
            return [line]
        case Answered(text, stopped):
            # Without hyperlinks: they would hide where a link of the model's making leads.
            parts: list[RenderableType] = [Markdown(clean(text), hyperlinks=False)]
            return [*parts, *([Text("(not finished)", style="dim")] if stopped else []), Text("")]
        case Note(text, mood):
            return [Text(clean(text), style=_MOODS[mood])]


def plain(block: Block) -> str:
    """The block for a pipe."""
    match block:
        case Said(text, who):
            return f"{clean(who)}> {clean(text)}"
        case Answered(text, stopped):
            return clean(text) + ("\n(not finished)" if stopped else "")
        case Note(text):
            return clean(text)


def tail_lines(text: str, width: int, count: int) -> list[str]:
    """The last `count` lines that the text takes on a terminal `width` cells wide; wide characters take two."""
    from prompt_toolkit.utils import get_cwidth

    # Only the end can be seen, and a cell is at least half a character: the rest need not be measured.
    shown = clean(text[-width * count * 4 :]).expandtabs(4)
    lines: list[str] = []
    for source in shown.split("\n"):
        start = used = 0
        for at, char in enumerate(source):
            used += get_cwidth(char)
            if used > width:
                space = source.rfind(" ", start, at + 1)
                lines.append(source[start : at if space < 0 else space])
                start = at if space < 0 else space + 1
                used = sum(get_cwidth(each) for each in source[start : at + 1])
        lines.append(source[start:])
    return lines[-count:]


def write_block(block: Block, width: int) -> None:
    sys.stdout.write(render(block, width) if sys.stdout.isatty() else plain(block) + "\n")
    sys.stdout.flush()

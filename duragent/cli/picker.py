"""One of a list: a few lines above an input line whose text filters them. Nothing of it stays in the scrollback.

Where nothing can be redrawn (TERM=dumb, a pipe) the rows are printed with their numbers, and a line is read. A chat
gives its terminal away first: `Scrollback.given_away`.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import typer
from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app_or_none
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.renderer import CPR_Support
from prompt_toolkit.utils import get_cwidth, is_dumb_terminal

from duragent.cli.looks import prompt_style
from duragent.cli.view import at_terminal, in_colour, on_terminal, one_line, place_of

ROWS = 10
"""Rows that are shown at once, at most."""
OTHER_LINES = 4
"""Lines of the terminal that the rows leave free: the question, the keys, the input line, and one to see it by."""
ESCAPE_SECONDS = 0.05
_MIN_TITLE = 16
_GAP = 2


@dataclass(frozen=True)
class PickRow:
    """One line of the list. Its texts may be anything: they are made safe when they are shown."""

    value: str
    """What `pick` gives back."""

    title: str
    """What the line says first."""

    facts: str = ""
    """What it says at its end, in a weak colour; cut first where there is no room."""

    find: str = ""
    """What finds it too, without being shown."""


@dataclass(frozen=True)
class Picked:
    """What the person chose."""

    value: str
    """Of the row."""

    key: str = ""
    """The key that chose it, one of those given to `pick`; "" for Enter."""


@dataclass
class PickList:
    """The rows that fit what was typed, and the one that Enter would take. Pure."""

    rows: Sequence[PickRow]
    """All of them; each is known by its number, from 1."""

    at: int = 0
    """The place of the chosen one among those that fit."""

    typed: str = ""
    """The filter: every word of it is part of a row. The number of a row finds that row first."""

    fitting: list[int] = field(default_factory=list)
    """The places, in `rows`, of those that fit."""

    def __post_init__(self) -> None:
        self.fitting = list(range(len(self.rows)))

    def filter(self, typed: str) -> None:
        """Show what fits this text; the first of them is chosen, unless the text is the same as before."""
        if typed == self.typed:
            return
        self.typed, self.at = typed, 0
        words = typed.casefold().split()
        self.fitting = [place for place, row in enumerate(self.rows) if all(word in _text(row) for word in words)]
        if (numbered := place_of(typed, len(self.rows))) is not None:
            self.fitting = [numbered, *(place for place in self.fitting if place != numbered)]

    def move(self, by: int) -> None:
        self.at = max(0, min(self.at + by, len(self.fitting) - 1))

    @property
    def chosen(self) -> PickRow | None:
        """None when nothing fits."""
        return self.rows[self.fitting[self.at]] if self.fitting else None

    def lines(self, width: int, count: int) -> list[tuple[bool, str, str]]:
        """The rows around the chosen one: whether it is that one, its title, and the space and the facts behind it."""
        first = max(0, min(self.at - count // 2, len(self.fitting) - count))
        digits = len(str(len(self.rows)))
        lines = []
        for at, place in list(enumerate(self.fitting))[first : first + count]:
            head = f"{'>' if at == self.at else ' '} {place + 1:{digits}}  "
            title, facts = _row(self.rows[place], width - len(head) - 1)
            lines.append((at == self.at, head + title, facts))
        return lines


async def pick(
    rows: Sequence[PickRow], question: str, *, keys: Mapping[str, str] | None = None, begin: str = ""
) -> Picked | None:
    """Let the person choose a row; None when none was chosen.

    `keys`: more keys that choose, in prompt_toolkit's spelling, each with what it does (`{"c-x": "deletes"}`). `begin`:
    the value of the row that is chosen at first.
    """
    if not rows:
        return None
    inside = get_app_or_none() is not None
    if is_dumb_terminal() or not (inside or at_terminal()):
        return await _pick_by_line(rows, question)
    choices = PickList(rows, at=next((place for place, row in enumerate(rows) if row.value == begin), 0))
    return await _picker(choices, question, keys or {}).prompt_async(handle_sigint=not inside)


async def ask_line(question: str, text: str = "") -> str | None:
    """A line that the person types, beginning with `text`; None when they went back."""
    inside = get_app_or_none() is not None
    bindings = KeyBindings()
    _leave_by_keys(bindings)
    session: PromptSession[str | None] = PromptSession(
        history=InMemoryHistory(), key_bindings=bindings, erase_when_done=inside, include_default_pygments_style=False
    )
    _take_keys_at_once(session)
    return await session.prompt_async(f"{one_line(question)} ", default=text, handle_sigint=not inside)


def _picker(choices: PickList, question: str, keys: Mapping[str, str]) -> "PromptSession[Picked | None]":
    def message() -> StyleAndTextTuples:
        choices.filter(session.default_buffer.text)
        size = session.app.output.get_size()
        return _drawn(choices, question, keys, size.columns, size.rows)

    session: PromptSession[Picked | None] = PromptSession(
        message=message,
        history=InMemoryHistory(),
        key_bindings=_keys(choices, keys),
        reserve_space_for_menu=0,
        erase_when_done=True,
        include_default_pygments_style=False,
    )
    _take_keys_at_once(session)
    return session


def _take_keys_at_once(session: PromptSession[Any]) -> None:
    session.app.ttimeoutlen = session.app.timeoutlen = ESCAPE_SECONDS
    # A terminal's answer to the question where the cursor is would run together with an Esc that is typed just then.
    session.app.renderer.cpr_support = CPR_Support.NOT_SUPPORTED
    if isinstance(session.app.input, Vt100Input):
        session.app.input = _read_alone(session.app.input)


def _read_alone(shared: Vt100Input) -> Vt100Input:
    """The same keyboard with a parser of its own. A chat flushes its parser a moment after each key, and would take an
    Esc out of it that was typed in a picker which appeared within that moment.
    """
    alone = copy(shared)
    alone._buffer = []
    alone.vt100_parser = copy(shared.vt100_parser)
    alone.vt100_parser.feed_key_callback = lambda key: alone._buffer.append(key)
    alone.vt100_parser.reset()
    return alone


def _drawn(choices: PickList, question: str, keys: Mapping[str, str], columns: int, rows: int) -> StyleAndTextTuples:
    bold, quiet = ("bold", prompt_style("quiet")) if in_colour() else ("", "")
    hints = ["Enter takes it", *(f"{_name(key)} {does}" for key, does in keys.items()), "Esc leaves"]
    notes = _wrapped(hints, columns)
    shown: StyleAndTextTuples = [(bold, f"{cut(question, columns)}\n")]
    lines = choices.lines(columns, max(1, min(ROWS, rows - OTHER_LINES - len(notes) + 1)))
    for chosen, title, facts in lines:
        shown += [(bold if chosen else "", title), (quiet, f"{facts}\n")]
    if not lines:
        shown.append(("", "  Nothing fits.\n"))
    shown += [(quiet, f"{note}\n") for note in notes]
    return [*shown, (prompt_style("mine") if in_colour() else "", "find> ")]


def _keys(choices: PickList, keys: Mapping[str, str]) -> KeyBindings:
    bindings = KeyBindings()
    steps = {"up": -1, "c-p": -1, "down": 1, "c-n": 1, "pageup": -ROWS, "pagedown": ROWS}

    def choose(key: str, event: KeyPressEvent) -> None:
        # Keys that came in one piece are read before anything is drawn.
        choices.filter(event.current_buffer.text)
        if choices.chosen is not None:
            event.app.exit(result=Picked(choices.chosen.value, key))

    def step(by: int, event: KeyPressEvent) -> None:
        choices.filter(event.current_buffer.text)
        choices.move(by)

    bindings.add("enter")(partial(choose, ""))
    for key in keys:
        bindings.add(key)(partial(choose, key))
    for key, by in steps.items():
        bindings.add(key)(partial(step, by))
    _leave_by_keys(bindings)
    return bindings


def _leave_by_keys(bindings: KeyBindings) -> None:
    for key in ("escape", "c-c", "c-d"):
        bindings.add(key)(lambda event: event.app.exit(result=None))


async def _pick_by_line(rows: Sequence[PickRow], question: str) -> Picked | None:
    """Print numbered lines and read one: a number, or a part of a row. In a pipe all of it is on stderr."""
    err, choices = not on_terminal(), PickList(rows)
    typer.echo(one_line(question), err=err)
    while True:
        for place in choices.fitting:
            row = rows[place]
            facts = f"  {one_line(row.facts)}" if row.facts else ""
            typer.echo(f"{place + 1:3}  {one_line(row.title)}{facts}", err=err)
        typer.echo("Type a number or a part of a line; nothing for none.", err=err)
        line = (await _read_line()).strip()
        if not line:
            return None
        choices.filter(line)
        if choices.chosen and (len(choices.fitting) == 1 or place_of(line, len(rows)) is not None):
            return Picked(choices.chosen.value)
        if not choices.fitting:
            typer.echo("Nothing fits.", err=err)
            choices.filter("")


async def _read_line() -> str:
    if not sys.stdin.isatty():
        return await asyncio.to_thread(sys.stdin.readline)
    try:
        session: PromptSession[str] = PromptSession(history=InMemoryHistory())
        return await session.prompt_async("> ")
    except EOFError:
        return ""


def cut(text: str, width: int) -> str:
    """Text from elsewhere on one line of at most `width` cells; a wide character takes two."""
    shown = one_line(text)
    if get_cwidth(shown) <= width:
        return shown
    used = 0
    for place, char in enumerate(shown):
        used += get_cwidth(char)
        if used > width - 1:
            return shown[:place] + "…" if width > 0 else ""
    return shown


def _row(row: PickRow, width: int) -> tuple[str, str]:
    """Title and facts, which together with the space between them take at most `width` cells."""
    room = max(width - _GAP - _MIN_TITLE, width // 2)
    facts = cut(row.facts, room) if row.facts else ""
    title = cut(row.title, width - (get_cwidth(facts) + _GAP if facts else 0))
    return title, " " * (width - get_cwidth(title) - get_cwidth(facts)) + facts if facts else ""


def _wrapped(hints: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for hint in hints:
        if lines and len(lines[-1]) + 3 + len(hint) < width:
            lines[-1] += f" · {hint}"
        else:
            lines.append(hint)
    return lines


def _text(row: PickRow) -> str:
    return f"{row.title} {row.facts} {row.find}".casefold()


def _name(key: str) -> str:
    return f"Ctrl-{key[2:].upper()}" if key.startswith("c-") else key.capitalize()

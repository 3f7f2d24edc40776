"""What a slash command is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk


@dataclass(frozen=True)
class SlashCommand:
    """One line of the menu behind `/`."""

    name: str
    """With its slash."""

    summary: str
    """What it does, in half a line."""

    run: "Callable[[Talk, str], Awaitable[None]]"
    """Is given what was typed behind the name, without space around it. What it has to say goes to `Talk.note`."""

    arguments: str = ""
    """What may be typed behind the name, as a person reads it; "" for nothing."""

    also: tuple[str, ...] = ()
    """Other names for it."""


def record_number(command: str, word: str) -> int:
    """What a person typed for a record. Raises InvalidRequest."""
    number = word.removeprefix("#").removeprefix("@")
    if not (number.isascii() and number.isdigit() and int(number[:18]) > 0):
        raise InvalidRequest(f"{command} takes the number of a record, as `duragent session log` shows it")
    return int(number[:18])

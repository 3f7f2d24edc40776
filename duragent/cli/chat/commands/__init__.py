"""What a person types behind a slash. One module for each topic; a command stands in its module's table.

To add one: a function `(talk, rest)`, and a line in `COMMANDS` of its module; a new module is named here.
"""

from duragent.cli.chat.commands import about, approvals, files, going, line, memory, models, past
from duragent.cli.chat.commands.base import SlashCommand

COMMANDS: tuple[SlashCommand, ...] = (
    *about.COMMANDS,
    *approvals.COMMANDS,
    *line.COMMANDS,
    *files.COMMANDS,
    *going.COMMANDS,
    *models.COMMANDS,
    *memory.COMMANDS,
    *past.COMMANDS,
)
"""In the order in which `/help` and the menu show them."""

BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.also)}
"""Every name that can be typed."""

"""Slash commands about the session that is open."""

import pytest

from duragent.cli.chat.commands import BY_NAME, COMMANDS
from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/help", "Alt-Enter begins a new line"),
        ("/status", "0 turns"),
        ("/cancel", "There is nothing to stop."),
        ("/title Other name", 'The session is called "Other name" now.'),
    ],
)
async def test_command_is_answered_above_the_input_line(desk: Desk, typed: str, answer: str) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type(f"{typed}\r")
        await terminal.shows(answer)
        assert not terminal.running.done()


async def test_help_names_every_command(desk: Desk) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type("/help\r")
        for command in COMMANDS:
            await terminal.shows(command.summary.split(",")[0])


def test_no_name_stands_for_two_commands() -> None:
    assert len(BY_NAME) == sum(1 + len(command.also) for command in COMMANDS)

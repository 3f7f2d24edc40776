"""Slash commands that go to another session, or away."""

import pytest

from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("/new nobody", "agent 'nobody' not found"), ("/attach zzz", "session 'zzz' not found")],
)
async def test_person_stays_where_there_is_no_way(desk: Desk, typed: str, answer: str) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type(f"{typed}\r")
        await terminal.shows(answer)
        assert not terminal.running.done()


async def test_person_goes_to_another_session(desk: Desk) -> None:
    one, other = await desk.house.create(), await desk.house.create()
    async with sitting(desk, one) as terminal:
        terminal.type(f"/attach {other}\r")
        assert await terminal.left() == other
    async with sitting(desk, one) as terminal:
        terminal.type("/new\r")
        assert await terminal.left() not in ("leave", one, other)

"""Slash commands about what the agent remembers."""

import asyncio

from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk
from tests.support.http_house import AGENT
from tests.support.remembering import daily


async def test_why_says_what_the_memory_gave_for_the_last_question_and_for_an_earlier_one(desk: Desk) -> None:
    house = desk.house
    house.write_agent("ada", AGENT.format(name="ada") + "  memory: {}\n")
    daily(house.agents_dir / "ada", house.clock.now().date().isoformat(), "m_7n1ts001 The user prefers metric units.")
    await asyncio.to_thread(house.dependencies.catalog.reload)
    session = await house.create("ada")
    async with sitting(desk, session) as terminal:
        terminal.type("/why\r")
        await terminal.shows("No question here has searched the agent's memory.")
        await house.say(session, "which units?")
        await terminal.shows("recalled 1 note (m_7n1ts001) \u00b7 /why")
        terminal.type("/why\r")
        await terminal.shows("own: units")
        await house.say(session, "and the king?")
        terminal.type("/why\r")
        await terminal.shows('searched for "and the king?"')
        terminal.type("/why x\r")
        await terminal.shows("/why takes the number of a record")

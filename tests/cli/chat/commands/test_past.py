"""Slash commands about pinned records, goals and summaries."""

from duragent.journal.inputs import HistorySummary
from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk


async def test_records_are_pinned_to_goals_and_go_with_them(desk: Desk) -> None:
    session = await desk.house.create()
    await desk.house.say(session, "The key is under the mat.")
    async with sitting(desk, session) as terminal:
        terminal.type("/pin\r")
        await terminal.shows("No record is pinned.")
        terminal.type("/goal find the key\r")
        await terminal.shows("g1  find the key")
        terminal.type("/pin #3 g1\r")
        await terminal.shows("record 3 (until g1)  user: The key is under the mat.")
        terminal.type("/goal g1 look under the mat\r")
        await terminal.shows("g2 (part of g1)  look under the mat")
        terminal.type("/goal done g1\r")
        await terminal.shows("There are no goals.")
        terminal.type("/unpin 9999\r")
        await terminal.shows("there is no record 9999")
        terminal.type("/pin the last one\r")
        await terminal.shows("/pin takes the number of a record")
        terminal.type("/goal done g7\r")
        await terminal.shows("no goal 'g7' is under way")


async def test_summaries_are_listed_and_shown_as_their_parts(desk: Desk) -> None:
    session = await desk.house.create()
    await desk.house.say(session, "hello")
    async with sitting(desk, session) as terminal:
        terminal.type("/expand\r")
        await terminal.shows("All records of this session are shown")
        for number in range(1, 6):
            posted = HistorySummary(level=1, first_seq=number, last_seq=number, text="")
            await desk.house.sessions.post(session, posted)
        receipt = await desk.house.sessions.post(session, HistorySummary(level=2, first_seq=1, last_seq=5, text=""))
        terminal.type("/expand\r")
        await terminal.shows(f"summary {receipt.seq}  L2, records 1 to 5")
        terminal.type(f"/expand {receipt.seq}\r")
        await terminal.shows("L1, records 5 to 5")

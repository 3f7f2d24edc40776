"""What tools read of their own session's past, and the goals that they set."""

import json
import re
import threading
from pathlib import Path

import pytest

from duragent.journal.events import Event, ToolFinished
from duragent.journal.said import said_in
from duragent.models.messages import ModelReply, ToolCall
from duragent.session import session_past
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.testing.scripted import Answer, Line
from tests.support.house import House, open_house

TOOLS = """\
  tools:
    - {type: builtin, name: history}
    - {type: builtin, name: goals}
"""


def calls(tool: str, **arguments: object) -> ModelReply:
    return ModelReply(calls=(ToolCall(id="c", name=tool, arguments=json.dumps(arguments)),))


async def results(house: House, session: str) -> list[str]:
    return [event.content for event in await house.events(session) if isinstance(event, ToolFinished)]


async def run(folder: Path, *replies: ModelReply) -> list[str]:
    """The results of these calls, in a session in which something was said before."""
    script: list[Answer | Line] = ["The key is under the mat.", *replies, "done"]
    async with open_house(MemoryStore(), ScriptedModel(script), folder, agent_rest=TOOLS) as house:
        session = await house.new()
        await house.ask(session, "Where is the KEY of the shed?")
        await house.ask(session, "go on")
        return await results(house, session)


async def test_search_finds_records_that_have_all_words_and_not_itself(tmp_path: Path) -> None:
    [found, nothing] = await run(
        tmp_path,
        calls("history", action="search", query="key shed"),
        calls("history", action="search", query="unicorn"),
    )
    assert found == "[3] user: Where is the KEY of the shed?"
    assert nothing.startswith("Nothing was found.")


async def test_read_gives_a_range_as_it_was(tmp_path: Path) -> None:
    [found, beyond] = await run(
        tmp_path,
        calls("history", action="read", first=1, last=7),
        calls("history", action="read", first=9_000),
    )
    assert found == "[3] user: Where is the KEY of the shed?\n[7] agent: The key is under the mat."
    assert beyond == "Records 9000 to 9000 say nothing."


async def test_search_takes_a_bounded_time_and_says_what_it_did_not_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_past, "SEARCH_SECONDS", 0.0)
    monkeypatch.setattr(session_past, "BLOCK_RECORDS", 4)
    [found] = await run(tmp_path, calls("history", action="search", query="key"))
    told = re.search(r"^\(there was no time to look at records 1 to (\d+); read a range of them\)$", found, re.M)
    assert told is not None
    assert int(told[1]) > 3
    assert "KEY" not in found


async def test_search_is_not_made_on_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set[int]()

    def said(event: Event) -> tuple[str, str] | None:
        threads.add(threading.get_ident())
        return said_in(event)

    monkeypatch.setattr(session_past, "said_in", said)
    await run(tmp_path, calls("history", action="search", query="key"))
    assert threads
    assert threading.get_ident() not in threads


async def test_goals_are_set_listed_and_ended_with_their_parts(tmp_path: Path) -> None:
    found = await run(
        tmp_path,
        calls("goals", action="set", text="ship it"),
        calls("goals", action="set", text="test it", parent="g1"),
        calls("goals", action="done", goal="g9"),
        calls("goals", action="done", goal="g1"),
    )
    assert found == [
        "- g1: ship it",
        "- g1: ship it\n- g2 (part of g1): test it",
        "no goal 'g9' is under way (there are: g1, g2)",
        "There are no goals.",
    ]

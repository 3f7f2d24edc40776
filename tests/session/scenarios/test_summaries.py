"""Long sessions: summaries take the place of old records, and every request tells all of the session."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from duragent.journal.covered import size_of
from duragent.journal.events import HistorySummarised
from duragent.journal.inputs import HistorySummary
from duragent.models.messages import ModelRequest
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import House, open_house

SMALL = """\
  session:
    context:
      max_history_tokens: 2000
"""
TURNS = 64


async def talk(house: House, session: str, turns: int) -> None:
    for turn in range(turns):
        await house.ask(session, f"Question {turn}: what is in src/part_{turn}.py? {'words ' * 60}")
        await quiet(house, session)


async def quiet(house: House, session: str) -> None:
    """Wait until nothing of the session is under way."""
    while house.live(session).busy:
        await asyncio.sleep(0)


def answers(count: int) -> ScriptedModel:
    return ScriptedModel([f"Answer {turn}. {'And more. ' * 40}" for turn in range(count)])


async def test_a_long_session_tells_each_record_once(tmp_path: Path) -> None:
    model = answers(TURNS)
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=SMALL) as house:
        session = await house.new()
        await talk(house, session, TURNS)
        coverage = (await house.sessions.state(session)).viewport.coverage
        assert {each.level for each in coverage.frontier} >= {1, 2}
        behind = [size_of(each.event) for each in await house.records(session) if each.seq > coverage.boundary]
        assert coverage.tokens == sum(behind)
        for request in model.requests:
            assert "conversation truncated" not in all_of(request.messages[1:])
        told = all_of(model.requests[-1].messages)
        assert told.count(f"[Before record {coverage.boundary + 1:,}.") == 1


def all_of(messages: Sequence[object]) -> str:
    return "\n".join(str(getattr(each, "content", "")) for each in messages)


async def test_requests_begin_as_the_one_before_unless_the_boundary_moved(tmp_path: Path) -> None:
    model = answers(TURNS)
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=SMALL) as house:
        session = await house.new()
        await talk(house, session, TURNS)
        summaries = sum(isinstance(event, HistorySummarised) for event in await house.events(session))
    pairs = zip(model.requests, model.requests[1:], strict=False)
    changed = sum(not begins_with(later, earlier) for earlier, later in pairs)
    assert 0 < changed <= summaries


def begins_with(later: ModelRequest, earlier: ModelRequest) -> bool:
    return later.messages[: len(earlier.messages)] == earlier.messages


@pytest.mark.parametrize(
    ("more", "offered"),
    [
        ("  tools: [{type: builtin, name: think}]\n", [("think",), ("think", "history")]),
        ("  tools: [{type: builtin, name: history}]\n", [("history",), ("history",)]),
        ("", [(), ()]),
    ],
)
async def test_history_is_offered_when_summaries_stand_for_records(
    tmp_path: Path, more: str, offered: list[tuple[str, ...]]
) -> None:
    model = answers(TURNS)
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=SMALL + more) as house:
        await talk(house, await house.new(), 20)
    first, last = (tuple(tool.name for tool in request.tools) for request in (model.requests[0], model.requests[-1]))
    assert [first, last] == offered
    told = "`history` with a range shows the original" in all_of(model.requests[-1].messages)
    assert told == ("history" in last)


async def test_a_short_session_is_not_summarised(tmp_path: Path) -> None:
    model = answers(3)
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=SMALL) as house:
        session = await house.new()
        await talk(house, session, 3)
        assert not any(isinstance(event, HistorySummarised) for event in await house.events(session))


async def test_a_summary_that_comes_twice_or_late_is_stale(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), answers(3), tmp_path) as house:
        session = await house.new()
        await talk(house, session, 3)
        first = HistorySummary(level=1, first_seq=1, last_seq=6, text="the beginning")
        assert (await house.sessions.post(session, first)).changed
        assert not (await house.sessions.post(session, first)).changed
        for wrong in ({"first_seq": 6}, {"first_seq": 8}, {"first_seq": 7, "last_seq": 6}, {"level": 2}, {"level": 0}):
            posted = first.model_copy(update={"first_seq": 7, "last_seq": 9, **wrong})
            assert not (await house.sessions.post(session, posted)).changed, wrong
        beyond = first.model_copy(update={"first_seq": 7, "last_seq": 10_000})
        assert not (await house.sessions.post(session, beyond)).changed

"""Pages of the list while sessions are still being read: none is left out, none comes twice."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import permutations

import pytest

from duragent.journal.record import timestamp
from duragent.journal.state import OpenCall, OpenTurn, SessionState, Totals
from duragent.session.index import Index, Row, SessionQuery, load
from duragent.stores.base import Listed
from duragent.stores.memory import MemoryStore

COPIED = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
NAMES = [f"session_{number}" for number in range(4)]


class Copied(MemoryStore):
    """A workspace that was copied: each log is newer than its newest record."""

    async def list_streams(self) -> list[Listed]:
        return [Listed(name, "mark", COPIED + number) for number, name in enumerate(NAMES)]


def _read(index: Index, name: str) -> None:
    """What was in the log of this session is known now."""
    ts = timestamp(datetime(2026, 1, 1 + NAMES.index(name), tzinfo=UTC))
    index.put(SessionState(name, created_at=ts, updated_at=ts), None)


@pytest.mark.parametrize("order", list(permutations(NAMES, 3)))
async def test_each_session_is_in_the_pages_once_whatever_is_read_between_them(order: tuple[str, ...]) -> None:
    index = Index()
    await index.fill(Copied())
    found, cursor = index.page(SessionQuery(limit=1))
    for name in order:
        _read(index, name)
        page, cursor = index.page(SessionQuery(limit=1, cursor=cursor))
        found += page
    assert [state.session_id for state in found] == NAMES[::-1]
    assert cursor is None


async def test_when_all_are_read_the_last_changed_comes_first() -> None:
    index = Index()
    await index.fill(Copied())
    for name in NAMES:
        _read(index, name)
    index.put(SessionState(NAMES[0], updated_at="2026-11-21T00:00:00.000Z"), None)
    assert [state.session_id for state in index.page(SessionQuery())[0]] == [NAMES[0], *NAMES[:0:-1]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (SessionQuery(match="_2"), ["session_2"]),
        (SessionQuery(match="SESSION_3"), ["session_3"]),
        (SessionQuery(match="ion"), NAMES[::-1]),
        (SessionQuery(match="nowhere"), []),
        (SessionQuery(prefix="2"), ["session_2"]),
        (SessionQuery(prefix="ion"), []),
    ],
)
async def test_sessions_are_found_by_any_part_of_an_id_or_by_its_beginning(
    query: SessionQuery, found: list[str]
) -> None:
    index = Index()
    await index.fill(Copied())
    assert [state.session_id for state in index.page(query)[0]] == found


async def test_a_saved_row_says_only_what_is_not_as_usual_and_comes_back_whole() -> None:
    store, index = MemoryStore(), Index()
    await store.create(NAMES[0], [b'{"seq":1}'])
    totals = Totals(messages=2, cost_usd=0.5)
    state = SessionState(NAMES[0], seq=7, topic="weather", waiting=(3,), totals=totals)
    index.put(state, None)
    await index.save(store, set)
    saved = json.loads(await store.get_index())
    assert saved["state"] == {
        "session_id": NAMES[0],
        "seq": 7,
        "topic": "weather",
        "waiting": [3],
        "totals": {"messages": 2, "cost_usd": 0.5},
    }
    (row,) = load(await store.get_index()).values()
    assert row.state == state


def test_a_row_that_says_everything_is_read_as_well() -> None:
    state = SessionState(NAMES[0], seq=7, turn=OpenTurn("t1", 3, calls=(OpenCall("c1", "bash"),)), node="here")
    line = json.dumps({"state": asdict(state), "problem": None, "mark": "m", "old": False})
    assert load(line.encode())[NAMES[0]] == Row(state, mark="m")

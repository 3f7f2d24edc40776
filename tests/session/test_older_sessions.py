"""What `history` finds in other sessions: by short ids, as far as the session may read them, and in time."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from duragent.agent.load import Agent
from duragent.errors import AmbiguousId, SessionNotFound
from duragent.memory.base import Candidate, MemoryNote, Recalled, RecallQuery, Silent
from duragent.session import older_sessions
from duragent.session.older_sessions import OlderSessions
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.tools.past import OlderRecord, SearchedTooLong
from tests.session.test_seen_session import said_by
from tests.support.house import House, open_house


@dataclass
class Found:
    """An agent's memory that finds these."""

    agent: Agent
    notes: Sequence[MemoryNote] = ()
    silent: Silent = ""
    embedder: str = ""
    own: tuple[str, ...] = ("crate",)
    asked: list[RecallQuery] = field(default_factory=list)

    async def search(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        self.asked.append(query)
        shown = [Candidate(note, 1000, 1000, 1000, 0, self.own, ()) for note in self.notes]
        return Recalled("", shown, self.silent, embedder=self.embedder)


def said(session: str, seq: int, text: str) -> MemoryNote:
    return MemoryNote(f"{session}#{seq}", text, session, seq, written_at="2026-11-21T14:32:00Z")


def older(house: House, session: str, memory: Found) -> OlderSessions:
    return OlderSessions(lambda: memory, house.sessions, session)  # type: ignore[arg-type, return-value]  # it only searches


def answers() -> ScriptedModel:
    return ScriptedModel(["ok"] * 99)


async def test_found_words_have_the_end_of_their_session_and_their_record(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), answers(), tmp_path) as house:
        asks, has = await house.new(), await house.new()
        memory = Found(house.speakers.get("assistant"), [said(has, 7, f"{'so ' * 100}the crate\nis in nine")])
        [found] = await older(house, asks, memory).search("CRATE", 5, 30)
    assert found == OlderRecord(has[-6:], 7, "user", "2026-11-21", "… so so so the crate is in nine")
    assert [(each.only_said, each.session_id, each.limit) for each in memory.asked] == [(True, asks, 5)]


async def test_what_only_stands_beside_the_words_is_shown_where_it_may_mean_the_same(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), answers(), tmp_path) as house:
        asks, has = await house.new(), await house.new()
        for embedder, count in (("", 0), ("a/b@3", 1)):
            memory = Found(house.speakers.get("assistant"), [said(has, 7, "I see.")], embedder=embedder, own=())
            assert len(await older(house, asks, memory).search("crate", 5, 30)) == count


async def test_id_is_as_long_as_it_must_be_and_one_that_fits_two_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(older_sessions, "SHORT_ID", 1)
    async with open_house(MemoryStore(), answers(), tmp_path) as house:
        asks = await house.new()
        others = [await house.new() for _ in range(40)]
        ends = Counter(each[-1] for each in (asks, *others))
        twin = next(each for each in others if ends[each[-1]] > 1)
        await house.ask(asks, "where is the crate?")
        await house.ask(twin, "the crate is in nine")
        port = older(house, asks, Found(house.speakers.get("assistant"), [said(twin, 3, "the crate")]))
        [found] = await port.search("crate", 5, 30)
        assert twin.endswith(found.session)
        assert sum(each.endswith(found.session) for each in others) == 1
        assert (await port.range(found.session, 3, 3, 5, 99))[0][2] == "the crate is in nine"
        with pytest.raises(AmbiguousId):
            await port.range(twin[-1], 3, 3, 5, 99)
        with pytest.raises(SessionNotFound):
            await port.range("nothing", 3, 3, 5, 99)


async def test_session_of_somebody_else_is_not_found(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), answers(), tmp_path) as house:
        owners, bos, cys = [await house.new() for _ in range(3)]
        await house.ask(owners, "mine")
        await said_by(house, bos, "bo", "Bo's")
        await said_by(house, cys, "cy", "Cy's")
        memory = Found(house.speakers.get("assistant"))
        assert await older(house, owners, memory).range(bos, 3, 3, 5, 99)
        for other in (owners, cys):
            with pytest.raises(SessionNotFound):
                await older(house, bos, memory).range(other, 3, 3, 5, 99)


async def test_search_that_is_late_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(older_sessions, "SEARCH_SECONDS", 0.0)

    class Hangs(Found):
        async def search(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
            await asyncio.Event().wait()
            raise AssertionError

    async with open_house(MemoryStore(), answers(), tmp_path) as house:
        asks, agent = await house.new(), house.speakers.get("assistant")
        for memory in (Found(agent, silent="late"), Hangs(agent)):
            with pytest.raises(SearchedTooLong):
                await older(house, asks, memory).search("crate", 5, 30)

"""Decisions of one batch: each is made on the state that the ones before it lead to."""

import asyncio
from collections.abc import Sequence

import pytest

from duragent.errors import NothingToDo
from duragent.journal.events import Event, LogRecovered, OwnerClaimed, SessionClosed, SessionRenamed
from duragent.journal.record import Record, crc_seed
from duragent.journal.state import SessionState
from duragent.session.fold import SESSION_FOLD
from duragent.stores.base import Claim, TornTail
from duragent.streams.commit_queue import PendingCommit, WriterContext, decide_batch, ownership
from duragent.testing import FakeClock

Pending = PendingCommit[SessionState, Record]
OURS = SessionState("session_1", seq=4, epoch=2, node="us")
TORN = TornTail(offset=10, size_bytes=3, saved_as="events.torn-1")


def context(torn: TornTail | None = None) -> WriterContext[SessionState, Record]:
    return WriterContext(Claim("session_1", 4, torn=torn), FakeClock(), "us", crc_seed("session_1"), SESSION_FOLD)


def pending(*events: Event, claim: bool = False) -> Pending:
    return Pending(lambda _: events, asyncio.get_running_loop().create_future(), claim=claim)


def rename(title: str) -> SessionRenamed:
    return SessionRenamed(title=title)


def written(*batch: Pending) -> list[tuple[int, str]]:
    return [(record.seq, record.event.type) for each in batch for record in each.records]


async def test_decisions_are_made_one_after_another_on_the_state_of_the_ones_before() -> None:
    seen: list[str | None] = []

    def decide(state: SessionState) -> Sequence[Event]:
        seen.append(state.title)
        return [rename(f"{state.title}+")]

    batch = [Pending(decide, asyncio.get_running_loop().create_future()) for _ in range(3)]
    last = decide_batch(batch, OURS, context())
    assert (seen, last.title, last.seq) == ([None, "None+", "None++"], "None+++", 7)
    assert [len(each.encoded) for each in batch] == [1, 1, 1]


async def test_decision_that_is_refused_takes_no_other_with_it() -> None:
    def refuse(state: SessionState) -> Sequence[Event]:
        raise NothingToDo("no")

    refused = Pending(refuse, asyncio.get_running_loop().create_future())
    first, last = pending(rename("a")), pending(SessionClosed())
    assert decide_batch([first, refused, last], OURS, context()).closed
    assert written(first, refused, last) == [(5, "session_renamed"), (6, "session_closed")]
    with pytest.raises(NothingToDo):
        await refused.done


@pytest.mark.parametrize(
    ("torn", "claim", "events", "types"),
    [
        (None, False, [rename("a")], ["owner_claimed", "session_renamed"]),
        (TORN, False, [rename("a")], ["log_recovered", "owner_claimed", "session_renamed"]),
        (None, True, [], ["owner_claimed"]),
        (TORN, False, [], []),
    ],
)
async def test_log_of_another_process_gets_its_new_owner_first(
    torn: TornTail | None, claim: bool, events: list[Event], types: list[str]
) -> None:
    theirs = SessionState("session_1", seq=4, epoch=2, node="them")
    one, two = pending(*events, claim=claim), pending()
    last = decide_batch([one, two], theirs, context(torn))
    assert [record.event.type for record in one.records] == types
    assert two.records == []
    assert (last.node, last.epoch) == (("us", 3) if types else ("them", 2))


def test_ownership_counts_owners_and_tells_of_a_torn_tail() -> None:
    assert ownership(OURS, context()) == [OwnerClaimed(epoch=3, node="us")]
    assert ownership(OURS, context(TORN))[0] == LogRecovered(offset=10, size_bytes=3, saved_as="events.torn-1")


async def test_caller_that_went_away_is_no_fault() -> None:
    gone = pending(rename("a"))
    gone.done.cancel()
    gone.accept()
    gone.refuse(NothingToDo("no"))
    assert gone.done.cancelled()


async def test_what_follows_is_decided_on_what_it_follows_and_in_the_same_write() -> None:
    def titled(state: SessionState) -> Sequence[Event]:
        return [rename(f"after {state.title}")]

    one, none = pending(rename("one")), pending()
    one.then = none.then = titled

    decide_batch([one, none], OURS, context())

    assert written(one, none) == [(5, "session_renamed"), (6, "session_renamed")]
    assert [record.event.title for record in one.records if isinstance(record.event, SessionRenamed)] == [
        "one",
        "after one",
    ]

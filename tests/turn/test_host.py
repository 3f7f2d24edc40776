"""What a turn needs of its session: waits that an interrupt ends, and what stops a question."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from duragent.errors import StoreFull
from duragent.journal.state import OpenTurn, SessionState
from duragent.testing import FakeClock
from duragent.turn.host import TurnHost, interrupted_within, let_go, when_there_is_room, why_stop

TURN = SessionState("s", turn=OpenTurn("t", trigger=1))


@pytest.mark.parametrize(
    ("state", "stopping", "why"),
    [
        (TURN, False, None),
        (TURN, True, "shutdown"),
        (replace(TURN, paused=True), True, "paused"),
        (replace(TURN, paused=True, turn=OpenTurn("t", trigger=1, cancelled=True)), True, "cancelled"),
        (replace(TURN, closed=True), False, "cancelled"),
        (SessionState("s", paused=True), False, "paused"),
        (SessionState("s"), False, None),
    ],
)
def test_what_stops_a_question_has_an_order(state: SessionState, stopping: bool, why: str | None) -> None:
    assert why_stop(state, stopping) == why


@dataclass
class Host:
    interrupt: asyncio.Event = field(default_factory=asyncio.Event)


def host() -> TurnHost:
    # Only `interrupt` is looked at here.
    return cast(TurnHost, Host())


async def test_wait_ends_by_itself_or_by_the_interrupt() -> None:
    session = host()
    assert await interrupted_within(session, asyncio.sleep(0)) is False
    session.interrupt.set()
    forever = asyncio.Event()

    async def wait() -> None:
        await forever.wait()

    assert await interrupted_within(session, wait()) is True


async def test_full_store_is_waited_for_and_an_interrupt_ends_the_wait() -> None:
    session, clock, tries = host(), FakeClock(hurried=True), 0

    async def store() -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StoreFull("no room")
        return "stored"

    assert await when_there_is_room(session, clock, store) == "stored"
    assert tries == 3
    tries = 0
    session.interrupt.set()
    with pytest.raises(StoreFull):
        await when_there_is_room(session, clock, store)
    assert tries == 1


async def test_foreign_code_that_does_not_stop_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    end = asyncio.Event()

    async def stubborn() -> None:
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue

    working = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    with caplog.at_level(logging.ERROR):
        await let_go(working, "the tool deed", 0.01)
    assert "the tool deed did not end within" in caplog.text
    end.set()
    await working

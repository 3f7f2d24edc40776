"""One session for one idempotency key, whatever is made meanwhile."""

import asyncio

import pytest

from duragent.errors import IdempotencyMismatch, SessionExists, SessionNotFound
from duragent.journal.state import SessionState
from duragent.session.create import CreateKey, NewSession, create_once, fingerprint


class Sessions:
    """Those that there are, by id; `gate` holds each creation until it is set."""

    def __init__(self) -> None:
        self.made: dict[str, SessionState] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def look(self, session_id: str) -> SessionState:
        if session_id not in self.made:
            raise SessionNotFound(session_id)
        return self.made[session_id]

    async def make(self, session_id: str, mark: str = "m") -> SessionState:
        await self.gate.wait()
        if session_id in self.made:
            raise SessionExists(session_id)
        self.made[session_id] = SessionState(session_id, fingerprint=mark)
        return self.made[session_id]


def key(key: str | None, mark: str = "m", fresh: str = "session_fresh") -> CreateKey:
    return CreateKey(key, mark, fresh)


def test_id_follows_from_the_key_and_is_fresh_without_one() -> None:
    assert key("a").session_id == key("a", fresh="session_other").session_id
    assert key("a").session_id != key("b").session_id
    assert key(None).session_id == key("").session_id == "session_fresh"


async def test_second_request_under_a_key_gets_what_the_first_made() -> None:
    sessions = Sessions()
    first = await create_once(key("a"), sessions.look, sessions.make)
    again = await create_once(key("a"), sessions.look, sessions.make)
    assert (first[1], again) == (False, (first[0], True))


async def test_request_that_lost_a_race_gets_what_the_other_made() -> None:
    sessions = Sessions()
    sessions.gate.clear()
    racing = [asyncio.ensure_future(create_once(key("a"), sessions.look, sessions.make)) for _ in range(3)]
    await asyncio.sleep(0)
    sessions.gate.set()
    assert sorted(duplicate for _, duplicate in await asyncio.gather(*racing)) == [False, True, True]


@pytest.mark.parametrize("racing", [False, True])
async def test_another_request_under_a_known_key_is_refused(racing: bool) -> None:
    sessions = Sessions()
    if not racing:
        await create_once(key("a"), sessions.look, sessions.make)

    async def late(session_id: str) -> SessionState:
        await sessions.make(session_id)
        raise SessionExists(session_id)

    with pytest.raises(IdempotencyMismatch):
        await create_once(key("a", mark="other"), sessions.look, late if racing else sessions.make)


async def test_id_that_is_taken_is_an_error_without_a_key() -> None:
    sessions = Sessions()
    await sessions.make("session_fresh")
    with pytest.raises(SessionExists):
        await create_once(key(None), sessions.look, sessions.make)


async def test_session_is_made_although_its_caller_goes_away() -> None:
    sessions = Sessions()
    sessions.gate.clear()
    creating = asyncio.ensure_future(create_once(key("a"), sessions.look, sessions.make))
    for _ in range(3):
        await asyncio.sleep(0)
    creating.cancel()
    await asyncio.wait((creating,))
    sessions.gate.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert list(sessions.made) == [key("a").session_id]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (NewSession("a"), NewSession("a", idempotency_key="k"), True),
        (NewSession("a", title="t"), NewSession("a", title="t", source="cli"), True),
        (NewSession("a"), NewSession("b"), False),
        (NewSession("a"), NewSession("a", title="t"), False),
    ],
)
def test_fingerprint_is_of_what_is_asked_for(one: NewSession, other: NewSession, same: bool) -> None:
    assert (one.fingerprint == other.fingerprint) == same


def test_fingerprint_tells_facts_apart() -> None:
    assert len(fingerprint("a", None)) == 16
    assert len({fingerprint("a", None), fingerprint("a", "None"), fingerprint("a"), fingerprint(None, "a")}) == 4

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest

from duragent.client.watch import CaughtUp, Connected, Item, Position, Reconnecting, Reset, StreamLost
from duragent.errors import ProblemResponse, SessionDeleted
from duragent.journal.events import MessageReceived, Opaque
from duragent.journal.record import Record
from duragent.wire import Delta, Hello
from tests.client.fake_server import FakeServer, client_of


def server_with(count: int) -> FakeServer:
    server = FakeServer()
    for number in range(1, count + 1):
        server.add("message_received", message_id=f"m{number}", text=f"täxt \u2028 {number}")
    return server


async def until(items: AsyncGenerator[Item, None], done: Callable[[Item], bool]) -> list[Item]:
    seen: list[Item] = []
    async with aclosing(items):
        async for item in items:
            seen.append(item)
            if done(item):
                return seen
    raise AssertionError("the stream ended")


def seqs(items: list[Item]) -> list[int]:
    return [item.seq for item in items if isinstance(item, Record)]


async def test_a_watch_says_hello_then_records_then_caught_up_then_deltas() -> None:
    server = server_with(2)
    async with client_of(server) as client:
        items = await until(client.watch("s"), lambda item: isinstance(item, Delta))
    assert [type(item) for item in items] == [Hello, Record, Record, CaughtUp, Delta]
    first = items[1]
    assert isinstance(first, Record)
    assert first.event == MessageReceived(message_id="m1", text="täxt \u2028 1")
    assert server.asked[0].headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize("seed", range(20))
async def test_connections_cut_at_random_bytes_give_each_record_once_in_order(seed: int) -> None:
    chance = random.Random(seed)
    server = server_with(20)
    server.cuts = iter([chance.randrange(1200) for _ in range(20)])
    async with client_of(server) as client:
        items = await until(client.watch("s", after=0), lambda item: isinstance(item, CaughtUp))
    assert seqs(items) == list(range(1, 21))


async def test_a_lost_connection_is_told_and_its_return_too() -> None:
    server = server_with(3)
    server.cuts = iter([300])
    async with client_of(server) as client:
        items = await until(client.watch("s"), lambda item: isinstance(item, Delta))
    told = [type(item) for item in items if isinstance(item, Reconnecting | Connected)]
    assert told == [Reconnecting, Connected]


async def test_a_client_ahead_of_the_log_is_reset_and_starts_again() -> None:
    server = server_with(2)
    async with client_of(server) as client:
        items = await until(client.watch("s", after=99), lambda item: isinstance(item, CaughtUp))
    assert isinstance(items[0], Reset)
    assert seqs(items) == [1, 2]


async def test_another_log_under_the_same_id_is_a_reset() -> None:
    server = server_with(3)
    server.cuts = iter([450])
    async with client_of(server) as client:

        def renamed(item: Item) -> bool:
            if isinstance(item, Reconnecting):
                server.log = "log-2"
            return isinstance(item, CaughtUp)

        seen = await until(client.watch("s"), renamed)
    reset = next(at for at, item in enumerate(seen) if isinstance(item, Reset))
    assert seqs(seen[reset:]) == [1, 2, 3]


async def test_a_tail_starts_near_the_head_and_goes_on_from_there() -> None:
    server = server_with(30)
    server.cuts = iter([700])
    async with client_of(server) as client:
        items = await until(client.watch("s", tail=10), lambda item: isinstance(item, CaughtUp))
    assert seqs(items) == list(range(21, 31))


async def test_a_record_that_is_missing_is_asked_for_again() -> None:
    server = server_with(5)
    missing = server.records.pop(2)

    async with client_of(server) as client:

        def found(item: Item) -> bool:
            if isinstance(item, Reconnecting) and missing not in server.records:
                server.records.insert(2, missing)
            return isinstance(item, CaughtUp)

        seen = await until(client.watch("s"), found)
    assert seqs(seen) == [1, 2, 3, 4, 5]


async def test_an_event_type_of_a_later_version_is_opaque() -> None:
    server = FakeServer()
    server.add("moon_rose", phase="full")
    async with client_of(server) as client:
        items = await until(client.watch("s"), lambda item: isinstance(item, Record))
    record = items[-1]
    assert isinstance(record, Record)
    assert record.event == Opaque(type="moon_rose", payload={"phase": "full"})


@pytest.mark.parametrize("status", [401, 404])
async def test_a_refusal_ends_the_watch(status: int) -> None:
    problem = {"type": "urn:duragent:problem:no", "title": "No", "status": status, "detail": "because"}
    server = FakeServer(statuses={"/api/v1/sessions/s/events": (status, problem)})
    async with client_of(server) as client:
        with pytest.raises(ProblemResponse, match="because"):
            await until(client.watch("s"), lambda item: False)


@pytest.mark.parametrize("how", ["told", "found out after a lost connection"])
async def test_a_session_that_is_deleted_meanwhile_ends_the_watch(how: str) -> None:
    server = server_with(2)
    server.deleted = how == "told"
    gone = {"type": "urn:duragent:problem:not-found", "title": "Not Found", "status": 404, "detail": "no"}

    def lost(item: Item) -> bool:
        if isinstance(item, Reconnecting):
            server.statuses["/api/v1/sessions/s/events"] = (404, gone)
        return False

    async with client_of(server) as client:
        with pytest.raises(SessionDeleted, match="was deleted"):
            await until(client.watch("s"), lost)


async def test_the_404_of_a_proxy_is_no_deletion() -> None:
    server = server_with(2)

    def lost(item: Item) -> bool:
        if isinstance(item, Reconnecting):
            server.statuses["/api/v1/sessions/s/events"] = (404, {"error": "no upstream"})
        return False

    async with client_of(server) as client:
        with pytest.raises(ProblemResponse):
            await until(client.watch("s"), lost)


def test_record_is_shown_once_and_only_behind_the_one_before() -> None:
    position = Position(last=5)
    assert [position.advance(seq) for seq in (4, 5, 6, 6, 7)] == [False, False, True, False, True]
    for seq in (9, 8_000):
        with pytest.raises(StreamLost, match=f"record 8 is missing before {seq}"):
            position.advance(seq)
    assert position.query() == {"after": 7}


def test_watcher_of_a_compacted_log_begins_at_its_oldest_record() -> None:
    position = Position(last=0, oldest=40)
    assert position.advance(40)
    assert not position.advance(40)


def test_greeting_of_another_log_is_noticed() -> None:
    position = Position()
    assert position.greet(Hello(session_id="s", head=3, oldest=1, log="one"))
    assert position.greet(Hello(session_id="s", head=4, oldest=1, log="one"))
    assert not position.greet(Hello(session_id="s", head=4, oldest=1, log="two"))

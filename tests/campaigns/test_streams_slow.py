"""Readers that do not read cost the server little, hold up no other reader, and miss nothing when they reconnect."""

import asyncio
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from duragent.bus import MAX_WAITING_BYTES, Block, OutputDelta, Subscription
from duragent.client.client import Client
from duragent.client.watch import CaughtUp
from duragent.journal.record import Record
from duragent.server.routes.events import delta_frame
from duragent.wire import SendMessage
from tests.campaigns.process_figures import rss_mib
from tests.campaigns.streams_raw import Ask, RawWatcher
from tests.campaigns.streams_stalled import SECONDS, Stalled, stalled
from tests.campaigns.streams_stored import stored
from tests.support.attached import same
from tests.support.real_server import RealServer, make_workspace

pytestmark = pytest.mark.timeout(3 * SECONDS)

READERS = 20
BOUND_MIB = 150
"""So much more memory than before may the server have in use; it has some 5 MiB for a reader."""
LARGE = 1_900_000


@dataclass
class Busy:
    """A session in a turn that lasts longer than the test: what is posted to it is a record, and no answer yet."""

    server: RealServer
    client: Client
    session: str
    url: str
    token: str
    before_mib: float = 0.0
    most_mib: float = 0.0
    readers: list[Stalled] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/api/v1/sessions/{self.session}/events"

    async def post(self, text: str) -> None:
        await self.client.post_message(self.session, SendMessage(content=text))
        self.measure()

    async def post_raw(self, body: bytes) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=SECONDS) as http:
            response = await http.post(
                f"/api/v1/sessions/{self.session}/messages", content=body, headers={"Prefer": "respond-async"}
            )
        assert response.status_code == 202, response.text

    async def attach(self, count: int, until: bytes = b"event: caught_up") -> None:
        self.measure()
        self.before_mib = self.most_mib
        for _ in range(count):
            self.readers.append(await asyncio.to_thread(stalled, self.url, self.path, self.token, until))

    async def read_on(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(reader.read_on) for reader in self.readers))

    def measure(self) -> None:
        assert self.server.process is not None
        self.most_mib = max(self.most_mib, rss_mib(self.server.process.pid))

    def within_bound(self) -> None:
        self.measure()
        grown = self.most_mib - self.before_mib
        print(f"{len(self.readers)} stalled readers: {grown:.0f} MiB on top of {self.before_mib:.0f}")  # noqa: T201  # what a campaign did
        assert grown < BOUND_MIB, f"{grown:.0f} MiB more"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    server = make_workspace(tmp_path, config={"server": {"shutdown_grace_seconds": 0}})
    server.start()
    yield server
    server.stop()
    said = server.log.read_text()
    assert "Traceback" not in said, said
    assert "ERROR" not in said, said


async def _busy(server: RealServer, client: Client) -> Busy:
    session = (await client.create_session("assistant")).session_id
    await client.post_message(session, SendMessage(content="count to 1000"))
    endpoint = await server.locate()
    return Busy(server, client, session, endpoint.url, endpoint.token or "")


async def test_readers_that_do_not_read_are_let_go_and_miss_nothing_when_they_come_again(server: RealServer) -> None:
    async with server.client() as client:
        busy = await _busy(server, client)
        await busy.attach(READERS)
        # More than the queue of each, and what the kernel takes for it.
        for size in [900_000, 17, 20_000, 900_000] * 7:
            await busy.post("x" * size)
        busy.within_bound()
        head = (await client.session(busy.session)).head
        await busy.read_on()
        log = stored(server.sessions_dir / busy.session)
        for reader in busy.readers:
            assert reader.seqs == list(range(1, reader.seqs[-1] + 1))
            assert (reader.ended, reader.seqs[-1] < head) == (True, True), f"{reader.seqs[-1]} of {head}"
        first = busy.readers[0].seqs[-1]
        again = RawWatcher(busy.path, busy.token, last=first)
        await again.connect(busy.url, Ask(last_event_id=b"%d" % first, after=first), head)
        assert [json.loads(again.lines[seq]) for seq in sorted(again.lines)] == log[first:head]


async def test_replays_of_very_large_texts_cost_one_text_each_and_end_when_the_session_is_deleted(
    server: RealServer,
) -> None:
    async with server.client() as client:
        busy = await _busy(server, client)
        # The last one is six times as long in the stream as it was when it came.
        for _ in range(16):
            await busy.post("b" * LARGE)
        await busy.post_raw(b'{"content":"%b"}' % (b"\x7f" * LARGE))
        await busy.attach(5, until=b"event: message_received")
        page = await client.events(busy.session, limit=1000)
        assert sum(len(str(event)) for event in page.events) < 3 * LARGE + (4 << 20)
        seen: list[Record] = []
        async with aclosing(client.watch(busy.session)) as items, asyncio.timeout(SECONDS):
            async for item in items:
                busy.measure()
                if isinstance(item, Record):
                    seen.append(item)
                if isinstance(item, CaughtUp):
                    break
        same(seen, server.records(busy.session))
        assert len(seen) >= 20
        busy.within_bound()
        await client.delete_session(busy.session)
        await busy.read_on()
        for reader in busy.readers:
            assert (reader.ended, reader.seqs[-1] < len(seen)) == (True, True)


def test_what_waits_for_a_watcher_is_bounded_whatever_it_is() -> None:
    subscription, most = Subscription(), 0
    with traced() as size_bytes:
        for seq in range(1, 2_000):
            # What a command prints, with a renaming of the session between any two pieces of it.
            subscription.put(OutputDelta("t", 1, 1, "output", seq * 60_000, str(seq) * 15_000, "c"))
            subscription.put(Block(b'{"seq":%d}\n' % seq, seq, seq))
            most = max(most, size_bytes())
    assert most < 3 * MAX_WAITING_BYTES


def test_long_pieces_are_not_kept_when_they_are_sent() -> None:
    with traced() as size_bytes:
        for number in range(100):
            frame = delta_frame(OutputDelta("t", 1, 1, "text", 0, str(number) * 100_000))
        assert frame.endswith(b"\n\n")
        assert size_bytes() < 2_000_000


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """How much memory of Python's the block has in use."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

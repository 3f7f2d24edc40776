"""Each client sees each event once and in order, whatever happens to its connections: promise 4.

Clients are attached to a real server through a proxy that cuts at any byte, while sessions are busy and the server is
killed, stopped and started again. What they were shown is held against the log on the disk.
"""

import asyncio
import json
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from duragent.client.address import Endpoint, read_address
from duragent.client.backoff import Backoff
from duragent.client.client import Client
from tests.campaigns.campaign import Campaign
from tests.campaigns.streams_news import News, all_idle, make_news
from tests.campaigns.streams_proxy import Proxy, proxied
from tests.campaigns.streams_raw import Ask, RawWatcher
from tests.campaigns.streams_stored import stored
from tests.campaigns.streams_texts import borne_out
from tests.campaigns.streams_typed import TypedWatcher
from tests.support.attached import same
from tests.support.real_server import RealServer, make_workspace
from tests.support.until import take_time, until

RECONNECTS = 300
"""Of each case, at least."""
SECONDS = 240.0
CROWDED = (6, 12)
"""Cases with some thirty clients each, which take the least time."""
SHARDS = 2
TOKEN = "the-same-across-restarts"
SHORT_PAUSES = Backoff(0.01, 0.1)

Task = asyncio.Task[None]


@dataclass
class Crowd:
    """The clients of one case."""

    raw: list[RawWatcher] = field(default_factory=list)
    typed: list[TypedWatcher] = field(default_factory=list)

    @property
    def reconnects(self) -> int:
        """Streams that began; one that broke before its first byte does not count."""
        return sum(each.answered for each in self.raw) + sum(each.greeted for each in self.typed)

    def counted(self) -> str:
        records = sum(len(each.lines) for each in self.raw) + sum(len(each.records) for each in self.typed)
        deltas = sum(texts.deltas for texts in (*(raw.texts for raw in self.raw), *(each.texts for each in self.typed)))
        resets, refusals = sum(each.resets for each in self.raw), sum(each.refusals for each in self.raw)
        clients = f"{len(self.raw)} raw and {len(self.typed)} typed clients, {self.reconnects} reconnects"
        return f"{clients}, {resets} resets, {refusals} refusals, {records} records, {deltas} deltas"


@dataclass
class Scene:
    """One case: a server, sessions, a proxy, and its watchers."""

    server: RealServer
    chance: random.Random
    sessions: list[str] = field(default_factory=list)
    crowd: Crowd = field(default_factory=Crowd)
    wild: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing more is to happen, and nothing more to break."""

    async def target(self) -> tuple[str, int] | None:
        address = read_address(self.server.workspace)
        return ("127.0.0.1", address.port) if address else None

    async def play(self) -> None:
        chance = self.chance
        async with AsyncExitStack() as stack, asyncio.timeout(SECONDS):
            maker = await stack.enter_async_context(self.server.client())
            self.sessions = [(await maker.create_session("assistant")).session_id for _ in range(chance.randint(1, 3))]
            proxy = await stack.enter_async_context(proxied(self.target, random.Random(chance.random())))
            typed = await stack.enter_async_context(self._typed_client(proxy))
            async with asyncio.TaskGroup() as tasks:
                clients = chance.choice((chance.randint(1, 50), chance.randint(10, 30)))
                raw, following = self._attach(tasks, proxy, typed, clients)
                # What is large goes to every client again and again.
                news = News(maker, self.sessions, big=60 / (clients + 4))
                making = tasks.create_task(make_news(news, random.Random(chance.random()), self.wild))
                await self._restarts()
                await until(lambda: self.crowd.reconnects >= RECONNECTS)
                self.wild.set()
                await making
                await all_idle(maker, self.sessions)
                heads = {name: (await maker.session(name)).head for name in self.sessions}
                await proxy.soothe()
                await asyncio.gather(*raw)
                await self._caught_up(heads)
                for task in following:
                    task.cancel()

    def _typed_client(self, proxy: Proxy) -> Client:
        async def locate(*, wanted: bool) -> Endpoint:
            if proxy.gentle:
                await self.server.locate()
            return Endpoint(proxy.url, TOKEN, local=True)

        return Client(locate, backoff=SHORT_PAUSES)

    def _attach(
        self, tasks: asyncio.TaskGroup, proxy: Proxy, typed: Client, clients: int
    ) -> tuple[list[Task], list[Task]]:
        """What the raw clients do, which ends by itself, and what the typed ones do."""
        chance = self.chance
        raw_tasks: list[Task] = []
        typed_tasks: list[Task] = []
        for _ in range(clients):
            session = chance.choice(self.sessions)
            if chance.random() < 0.4:
                tail = chance.randrange(5) if chance.random() < 0.2 else None
                watcher = TypedWatcher(session, tail=tail)
                self.crowd.typed.append(watcher)
                typed_tasks.append(tasks.create_task(watcher.follow(typed)))
            else:
                path = f"/api/v1/sessions/{session}/events"
                raw = RawWatcher(path, TOKEN)
                self.crowd.raw.append(raw)
                own = random.Random(chance.random())
                raw_tasks.append(tasks.create_task(raw.follow(proxy.url, own, self.wild)))
        return raw_tasks, typed_tasks

    async def _restarts(self) -> None:
        for _ in range(2):
            await take_time(self.chance.uniform(0.3, 0.8))
            if self.chance.random() < 0.6:
                self.server.kill()
            else:
                await asyncio.to_thread(self.server.terminate)
            await asyncio.to_thread(self.server.start)

    async def _caught_up(self, heads: dict[str, int]) -> None:
        endpoint = await self.server.locate()
        for raw in self.crowd.raw:
            head = heads[raw.path.split("/")[4]]
            while raw.last < head:
                await raw.connect(endpoint.url, Ask(last_event_id=b"%d" % raw.last, after=raw.last), head)
        await asyncio.gather(*(typed.until(heads[typed.session_id]) for typed in self.crowd.typed))

    def judged(self) -> None:
        """What everybody saw is what is stored, all of it, once and in order."""
        for session in self.sessions:
            folder = self.server.sessions_dir / session
            log, records = stored(folder), self.server.records(session)
            for raw in (raw for raw in self.crowd.raw if session in raw.path):
                assert sorted(raw.lines) == list(range(1, len(log) + 1))
                assert [json.loads(raw.lines[seq]) for seq in sorted(raw.lines)] == log
                borne_out(raw.texts.shown, log)
            for typed in (typed for typed in self.crowd.typed if typed.session_id == session):
                first = typed.records[0].seq if typed.records else len(records) + 1
                assert typed.tail is not None or first == 1
                assert [each.seq for each in typed.records] == list(range(first, len(records) + 1))
                same(typed.records, records[first - 1 :])
                borne_out(typed.texts.shown, log)


def _cut_anywhere(campaign: Campaign, folder: Path, cases: range) -> None:
    for number in campaign.cases(cases):
        with campaign.case(number) as chance:
            server = make_workspace(
                folder / str(number), config={"server": {"shutdown_grace_seconds": 0.3, "api_token": TOKEN}}
            )
            server.start()
            scene = Scene(server, chance)
            try:
                asyncio.run(scene.play())
            finally:
                server.stop()
            scene.judged()
            said = server.log.read_text()
            assert "Traceback" not in said, said
            assert "ERROR" not in said, said
            print(f"case {number}: {scene.crowd.counted()}, {server.starts - 1} restarts")  # noqa: T201  # what a campaign did


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("number", CROWDED)
def test_client_sees_each_record_once_over_connections_that_are_cut_anywhere(
    campaign: Campaign, tmp_path: Path, number: int
) -> None:
    _cut_anywhere(campaign, tmp_path, range(number, number + 1))


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_client_sees_each_record_once_over_very_many_cut_connections(
    campaign: Campaign, tmp_path: Path, shard: int
) -> None:
    _cut_anywhere(campaign, tmp_path, range(shard, 2 * 36, SHARDS))

"""People who use a server for a long time: they talk, watch, make sessions and delete them, and one of them decides."""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from duragent.client.client import Client
from duragent.errors import ProblemResponse, ServerUnreachable, SessionDeleted
from duragent.wire import Decide, SendMessage
from tests.campaigns.soak_figures import Report
from tests.campaigns.streams_typed import TypedWatcher
from tests.support.hands import Hands
from tests.support.real_server import is_idle
from tests.support.until import take_time, until

TALKERS = 8
PAUSE_SECONDS = 0.6
"""Between two things that one talker does, about: more would measure the machine."""
SOMEBODY_ELSE = (404, 409, 429)
"""The statuses that a talker gets when another one came first, or too many were."""


@dataclass
class Load:
    """What is done to the server until `over`. `watched` keeps every watcher that there was."""

    hands: Hands
    report: Report
    chance: random.Random
    sessions: list[str] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    watched: list[TypedWatcher] = field(default_factory=list)
    attached: dict[int, TypedWatcher] = field(default_factory=dict)
    """Those that watch now, by their number."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    quiet_until: float = 0.0
    """While it is started again, latencies are its own."""

    async def create(self, client: Client) -> str:
        session = (await client.create_session("assistant")).session_id
        self.sessions.append(session)
        self.report.count("sessions made")
        return session

    async def talk(self, client: Client, number: int) -> None:
        chance = random.Random(f"{number} {self.chance.random()}")
        turn = 0
        while not self.over.is_set():
            turn += 1
            try:
                await self._do(client, chance, f"w{number}x{turn}")
            except ProblemResponse as error:
                if error.status not in SOMEBODY_ELSE:
                    raise
                self.report.count("refusals")
            await take_time(chance.uniform(0.5, 1.5) * PAUSE_SECONDS)

    async def _do(self, client: Client, chance: random.Random, word: str) -> None:
        session = chance.choice(self.sessions)
        match chance.choices(("say", "run", "rename", "cancel", "delete"), (60, 22, 10, 4, 4))[0]:
            case "say":
                await self._post(client, session, f"repeat {' '.join([word] * chance.randint(1, 12))}")
            case "run":
                await self._post(client, session, f"run `./do {word}`")
            case "rename":
                await client.rename_session(session, word)
            case "cancel":
                await client.cancel(session)
            case _:
                await self._delete(client, session)
        self.report.count("requests")

    async def _post(self, client: Client, session: str, text: str) -> None:
        began = time.monotonic()
        await client.post_message(session, SendMessage(content=text))
        ended = time.monotonic()
        if began > self.quiet_until:
            self.report.latencies.append(ended - began)

    async def _delete(self, client: Client, session: str) -> None:
        await self.create(client)
        if session in self.sessions:
            self.sessions.remove(session)
            self.deleted.add(session)
            await client.delete_session(session)
            self.report.count("sessions deleted")

    async def watch(self, client: Client, number: int) -> None:
        """One session after another: a watcher whose session was deleted finds another one."""
        chance = random.Random(f"{number} {self.chance.random()}")
        while not self.over.is_set():
            watcher = TypedWatcher(chance.choice(self.sessions))
            self.watched.append(watcher)
            self.attached[number] = watcher
            # Some look in for a while, as people do; the others stay.
            seconds = chance.uniform(1, 20) if chance.random() < 0.5 else None
            try:
                async with asyncio.timeout(seconds):
                    await watcher.follow(client)
            except TimeoutError:
                self.report.count("watchers that left")
            except (ProblemResponse, SessionDeleted) as error:
                deleted = isinstance(error, SessionDeleted) or error.status == 404
                if not deleted or watcher.session_id not in self.deleted:
                    raise
                self.report.count("watchers of deleted sessions")
            finally:
                del self.attached[number]

    async def decide(self, client: Client) -> None:
        """What may have run is not run again; what is asked may run."""
        while True:
            with suppress(ServerUnreachable):
                for asked in (await client.approvals()).approvals:
                    decision = Decide(
                        call_id=asked.call_id,
                        decision="done" if asked.kind == "lost" else "allow_once",
                        arguments_sha256=asked.arguments_sha256,
                    )
                    with suppress(ProblemResponse):
                        await client.post_decision(asked.session_id, decision)
                        self.report.count(f"decisions about {asked.kind}")
            await take_time(1)

    async def until_idle(self, client: Client) -> None:
        for session in self.sessions:
            await until(partial(is_idle, client, session), pause=0.05)

    async def until_all_seen(self, client: Client) -> None:
        """Return when each watcher that is attached has seen the whole log of its session."""
        heads = {name: (await client.session(name)).head for name in self.sessions}
        await until(lambda: not self._behind(heads), pause=0.05)

    def _behind(self, heads: Mapping[str, int]) -> list[TypedWatcher]:
        return [watcher for watcher in self.attached.values() if watcher.last < heads.get(watcher.session_id, 0)]

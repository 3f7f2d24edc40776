"""The lives of a server, one after another: each is armed, ends where it was to end, and the next one goes on."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from duragent.client.address import read_address
from tests.campaigns.kills_points import Hit, Way
from tests.campaigns.kills_server import Fails, Plan, Server
from tests.campaigns.kills_truth import must_have_kept
from tests.campaigns.kills_world import World
from tests.support.until import take_time, until

LIFE_SECONDS = 120.0
"""A point that was not reached by then, round after round, is not reached at all."""

STOP_SECONDS = 30.0
LOCKED = 73
TORN = b'{"seq":9,"ts":"2026-'
FAILS: dict[Way, Fails] = {"write fails": "write", "sync fails": "sync"}


@dataclass
class Story:
    """`hits` are taken in turn; if `any_order`, a life is armed with all that are left of its way. `reached` is what
    happened, in order."""

    world: World
    hits: Sequence[Hit]
    any_order: bool = False
    reached: list[Hit] = field(default_factory=list)
    _used: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def _note(self) -> Path:
        return self.world.hands.folder / "reached"

    async def run(self) -> None:
        """Rounds of use while the lives go by; then a life without an end, and an orderly stop."""
        world = self.world
        living = asyncio.ensure_future(self._lives())
        using = asyncio.ensure_future(self._use(living))
        try:
            await asyncio.wait((living, using), return_when=asyncio.FIRST_EXCEPTION)
            for task in (living, using):
                if task.done():
                    task.result()
        finally:
            for task in (living, using):
                task.cancel()
                await asyncio.wait((task,))
        assert world.process is not None
        world.process.send(signal.SIGTERM)
        code = await asyncio.to_thread(world.process.wait, STOP_SECONDS)
        assert code == 0, f"the last stop: {code}"
        assert Counter(self.reached) == Counter(self.hits)

    async def _use(self, living: "asyncio.Future[None]") -> None:
        await self.world.settle_in()
        await self.world.round()
        self._used.set()
        while not living.done():
            await self.world.round()

    async def _lives(self) -> None:
        left = list(self.hits)
        if left[0].way != "first start":
            # Most ways want something that was there before.
            await self._live_until(self._used.is_set)
        while left:
            if left[0].way == "damaged" and not self.world.told.forks:
                await self._live_until(lambda: bool(self.world.told.forks))
            armed = [hit for hit in left if hit.way == left[0].way] if self.any_order else left[:1]
            await self._live(armed)
            left.remove(self.reached[-1])
        self.world.process = self._spawn([])

    async def _live_until(self, enough: Callable[[], bool]) -> None:
        """A life that is armed with nothing, and killed when it was long enough."""
        process = self.world.process = self._spawn([])
        await until(enough, bound=LIFE_SECONDS)
        process.send(signal.SIGKILL)
        await asyncio.to_thread(process.wait, STOP_SECONDS)

    async def _live(self, armed: Sequence[Hit]) -> None:
        """From the start of a server to its end, which must be one of these."""
        way, before, server = armed[0].way, len(self._noted()), self.world.server
        if way == "torn":
            self._tear()
        if way == "damaged":
            self._damage()
        self.world.swap = way == "swapped"
        process = self.world.process = self._spawn(armed)
        by_itself = way != "terminated"

        async def ended() -> bool:
            nonlocal by_itself
            if process.poll() is not None:
                return True
            if process.is_frozen():
                await self._thaw(process)
            elif not by_itself and self._serves(process):
                process.send(signal.SIGTERM)
                by_itself = True
            return False

        await until(ended, bound=LIFE_SECONDS, why=f"none of {', '.join(map(str, armed))} was reached")
        code = process.poll()
        assert code is not None
        noted = self._noted()[before:]
        assert len(noted) == 1, f"the server ended by itself with {code}:\n{server.log.read_text()}"
        self.reached += noted
        self._must_have_ended_well(code, noted[0])
        await asyncio.to_thread(must_have_kept, self.world)

    def _must_have_ended_well(self, code: int, hit: Hit) -> None:
        if hit.action == "kill":
            assert code == -signal.SIGKILL, f"{hit}: {code}"
        else:
            assert code == 0, f"{hit}: {code}\n{self.world.server.log.read_text()}"

    async def _thaw(self, process: Server) -> None:
        """While it is stopped, no other server gets the workspace. Then it goes on, and ends on SIGTERM."""
        second = self._spawn([])
        assert await asyncio.to_thread(second.wait, STOP_SECONDS) == LOCKED
        process.send(signal.SIGCONT)
        for _ in range(50):
            await take_time(0.01)
            assert process.poll() is None
        process.send(signal.SIGTERM)

    # --- the seams --------------------------------------------------------------------------------------------------

    def _spawn(self, armed: Sequence[Hit]) -> Server:
        server = self.world.server
        assert server.config is not None
        hits = tuple((hit.point, hit.nth, hit.action) for hit in armed)
        fails = FAILS.get(armed[0].way, "") if armed else ""
        return Server(Plan(hits, str(self._note), fails), server.config, server.log)

    def _noted(self) -> list[Hit]:
        lines = self._note.read_text().splitlines() if self._note.exists() else []
        return [Hit(point, int(nth), action) for point, nth, action in map(str.split, lines)]  # type: ignore[arg-type]

    def _serves(self, process: Server) -> bool:
        address = read_address(self.world.server.workspace)
        return address is not None and address.pid == process.pid

    def _damage(self) -> None:
        """Change one byte of a fork that is not in use. It is whole up to there."""
        if self.world.damaged:
            # The one before is not repaired yet.
            return
        self.world.damaged = self.world.told.forks[-1]
        log = self.world.server.events_file(self.world.damaged)
        lines = log.read_bytes().splitlines(keepends=True)
        lines[-2] = lines[-2].replace(b'"type"', b'"tipe"')
        log.write_bytes(b"".join(lines))

    def _tear(self) -> None:
        """What a power cut leaves of an append: a beginning without an end."""
        told = self.world.told
        logs = [self.world.server.events_file(each) for each in told.sessions[-6:] if each != told.idle[0]]
        with self.world.chance.choice([log for log in logs if log.exists()]).open("ab") as file:
            file.write(TORN)

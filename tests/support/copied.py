"""A house on real files whose sessions are forked, exported, imported and repaired."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from duragent.journal import events as e
from duragent.journal.inputs import Decision
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from duragent.testing import FakeClock, Line, ScriptedModel
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk
from tests.support.places import GOLDEN
from tests.support.tool_calls import BASH, bash, calls, question
from tests.support.until import until

START = datetime(2026, 11, 20, tzinfo=UTC)
OLD_LOG = GOLDEN / "duragent-rust-v0.5.jsonl"
LONG = "seq -f 'line %g' 30000; echo long >> effects"


@dataclass
class Place:
    """A house on real files, whose agent has bash."""

    house: House
    model: ScriptedModel
    folder: Path
    store: FileStore

    @property
    def root(self) -> Path:
        return self.folder / "sessions"

    @property
    def effects(self) -> list[str]:
        """What commands did to the world, so far."""
        path = self.folder / "work" / "project" / "effects"
        return path.read_text().split() if path.exists() else []

    def log(self, session: str) -> bytes:
        sealed = sorted((self.root / session).glob("events-*.jsonl"), key=lambda path: int(path.stem[7:]))
        return b"".join(path.read_bytes() for path in [*sealed, self.root / session / "events.jsonl"])

    async def fork(
        self, session: str, at: int | None = None, *, title: str | None = None, key: str | None = None
    ) -> str:
        return (await fork(self.house.sessions, self.house.clock, Fork(session, at, title, key)))[0].session_id

    async def allow(self, session: str) -> None:
        asked = await question(self.house, session)
        await self.house.decide(session, asked.call)

    async def finish(self, session: str, text: str) -> None:
        """Say it, and allow what is asked until the turn has ended."""
        said = await self.house.say(session, text)
        answer = asyncio.ensure_future(self.house.sessions.answer(session, said))

        async def ended() -> bool:
            nonlocal answer
            if answer.done() and answer.result().outcome != "waiting":
                return True
            if (await self.house.sessions.state(session)).asks:
                await self.allow(session)
                answer = asyncio.ensure_future(self.house.sessions.answer(session, said))
            return False

        await until(ended)


@asynccontextmanager
async def place_in(folder: Path, *, rotation: Rotation | None = None, days: int = 0) -> AsyncIterator[Place]:
    store = FileStore(folder / "sessions", disk=QuickDisk(), rotation=rotation)
    store.open()
    model = ScriptedModel(otherwise="and so on")
    # Each process has a time of its own, and so ids of its own.
    clock, node = FakeClock(START + timedelta(days=days), hurried=True), f"node-{days}"
    try:
        async with open_house(store, model, folder / "work", agent_rest=BASH, node=node, clock=clock) as house:
            yield Place(house, model, folder, store)
    finally:
        store.close()


async def eventful(place: Place) -> str:
    """A session with tools side by side, approvals, a denial, a long output, a rename; in a turn, one more waits."""
    house, model = place.house, place.model
    session = await house.new()
    model.add("hello", calls(("think", {"thought": "hm"}), ("think", {"thought": "aha"})), "thought about it")
    await house.ask(session, "hi")
    await house.ask(session, "think")
    model.add(bash("echo one >> effects"), bash(LONG), "both done")
    await place.finish(session, "do two things")
    model.add(bash("echo no >> effects"), "then not")
    said = await house.say(session, "and a third")
    asked = await question(house, session)
    await house.sessions.post(session, Decision(call=asked.call, decision="deny"))
    await house.sessions.answer(session, said)
    gate = asyncio.Event()
    model.add(calls(("bash", {"command": "echo two >> effects"}), ("think", {"thought": "x"})), Line("late", gate=gate))
    await house.say(session, "in the middle")
    await place.allow(session)
    await until(partial(_asks_model, house, session))
    await house.say(session, "are you there?")
    assert place.effects == ["one", "long", "two"]
    return session


async def _asks_model(house: House, session: str) -> bool:
    turn = (await house.sessions.state(session)).turn
    return turn is not None and turn.asking is not None and turn.asking.step == 2 and turn.asking.status == "open"


async def past(house: House, session: str) -> list[tuple[int, str, e.Event]]:
    """Its records, without what is only of their form; the first one without what a fork says there."""
    found = []
    for record in await house.records(session):
        event = record.event
        if isinstance(event, e.SessionCreated):
            event = event.model_copy(update={"parent": None, "idempotency_key": None, "fingerprint": None})
        found.append((record.seq, record.ts, event))
    return found


async def exported(place: Place, session: str) -> Path:
    path = place.folder / "session.zip"
    with await export(place.house.sessions, place.house.clock, session) as file:
        path.write_bytes(file.read())
    return path


async def imported(place: Place, path: Path, *, new_id: bool = False) -> str:
    with path.open("rb") as file:
        return (await import_(place.house.sessions, place.house.clock, file, new_id=new_id)).session_id

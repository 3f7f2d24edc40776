"""A life story: clients that use everything, round after round, while the server under them ends again and again."""

import asyncio
import random
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duragent.client.backoff import Backoff
from duragent.client.client import Client
from duragent.errors import ProblemResponse
from duragent.journal.events import CommandFinished, ToolFinished, UndoFinished
from duragent.journal.record import Record
from duragent.wire import Accepted, Approval, Decide, SendMessage, SentAttachment, TypedCommand, UndoTurn
from tests.campaigns.kills_memory import SECONDS, add_keeper, remember
from tests.campaigns.kills_server import Server
from tests.support.attached import Seen, attached
from tests.support.bounds import LIMIT_SECONDS
from tests.support.hands import SCRIPT, Hands
from tests.support.real_server import RealServer, make_workspace
from tests.support.until import until

SHORT_PAUSES = Backoff(limit_seconds=0.25)
LONG_TEXT = "x" * 1_100_000
"""Does not fit into a line, neither as a message nor as the answer that repeats it."""

BIG = '#!/bin/sh\necho "$1" >> count\nhead -c 60000 /dev/zero | tr "\\\\0" y\n'
"""What it prints does not fit into a result."""

TOOLS = (
    "  tools: [" + ", ".join(f"{{type: builtin, name: {name}}}" for name in ("bash", "read_file", "write_file")) + "]"
)
GRACE_SECONDS = 1.0


@dataclass
class Told:
    """What the server has said and must never take back. `messages`: by key; `gone`: what it has forgotten."""

    messages: dict[str, tuple[str, Accepted]] = field(default_factory=dict)
    titles: list[tuple[str, str]] = field(default_factory=list)
    cancels: list[tuple[str, int]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    deleting: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    watched: list[tuple[str, Seen]] = field(default_factory=list)
    always: list[str] = field(default_factory=list)
    forks: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    idle: tuple[str, bytes] = ("", b"")


@dataclass
class World:
    """A workspace, its server, and those who use it. `swap` and `damaged` are asked for by a life: replace a log
    that is in use, and mend this one."""

    hands: Hands
    chance: random.Random
    told: Told = field(default_factory=Told)
    swap: bool = False
    damaged: str = ""
    process: Server | None = None
    rounds: int = 0

    @property
    def server(self) -> RealServer:
        """The place of the server; its process is `process`."""
        return self.hands.server

    def stop(self) -> None:
        if self.process is not None:
            self.process.send(signal.SIGKILL)
            self.process.wait(LIMIT_SECONDS)

    def client(self) -> Client:
        # It comes back soon: a server that is dead most of the time would have it wait for seconds.
        return Client(self.server.locate, patience_seconds=SECONDS, backoff=SHORT_PAUSES)

    # --- what clients do --------------------------------------------------------------------------------------------

    async def settle_in(self) -> None:
        """A session that is left alone from now on."""
        async with self.client() as client:
            session = await self.create(client, "idle")
            await self.say(client, session, "repeat good night", "idle")
            await self.quiet(client, session)
            self.told.idle = (session, self.server.events_file(session).read_bytes())

    async def round(self) -> None:
        """Everything once, five sessions at a time."""
        self.rounds += 1
        number = self.rounds
        async with self.client() as client, asyncio.TaskGroup() as tasks:
            for part in (self._talk, self._work, self._more, self._change, self._remember):
                tasks.create_task(part(client, f"{part.__name__.strip('_')}{number}"))
            tasks.create_task(self._look_back(client))

    async def _talk(self, client: Client, name: str) -> None:
        """Messages, one while another is being answered; a new title; a cancel."""
        session = await self.create(client, name)
        async with self._watched(session) as seen:
            await self.say(client, session, "count to 4", f"{name}a")
            await self.say(client, session, "repeat and now", f"{name}b")
            await client.rename_session(session, f"{name} renamed")
            self.told.titles.append((session, f"{name} renamed"))
            await self._settled(client, session)
            if self.swap:
                _swap(self.server.events_file(session))
            before = len(seen.texts)
            await self.say(client, session, "count to 900", f"{name}c")
            await self._settled(client, session, lambda: len(seen.texts) > before)
            cancelled = await client.cancel(session, key=f"{name}d")
            if cancelled.seq is not None:
                self.told.cancels.append((session, cancelled.seq))
            await self._settled(client, session)
            await self.say(client, session, "repeat the end", f"{name}e")
            await self._once_more(client, name)
            await self.quiet(client, session)

    async def _work(self, client: Client, name: str) -> None:
        """A call that changes nothing, two that do, and one that needs a yes: each other round one for ever."""
        session = await self.create(client, name)
        always = self.rounds % 2 == 0
        words = [f"{name}{letter}" for letter in "abc"]
        ask = f"run `./do {words[0]}` and then read notes.txt and then run `./ask {words[1]}`"
        async with self._watched(session):
            await self.say(client, session, f"{ask} and then run `./big {words[2]}`", f"{name}a")
            if always:
                self.told.always.append(f"bash:./ask {words[1]}")
            await self.quiet(client, session, f"bash:./ask {words[1]}" if always else "")

    async def _more(self, client: Client, name: str) -> None:
        """A file, a text that is longer than a line, and a session that is deleted while it speaks."""
        long = await self.create(client, name)
        file = f"{name}\n".encode() * 100
        sent = await client.attach(long, file, name="report.txt")
        await self.say(client, long, f"repeat {LONG_TEXT}", f"{name}a", sent)
        assert await client.attachment(long, sent.sha256) == file
        short = await self.create(client, f"{name}short")
        await self.say(client, short, "count to 900", f"{name}b")
        self.told.deleting.append(short)
        await client.delete_session(short)
        self.told.deleted.append(short)
        await self.quiet(client, long)
        fork = await client.fork(long, key=f"{name}fork")
        assert (await client.fork(long, key=f"{name}fork")).session_id == fork.session_id
        self.told.forks.append(fork.session_id)

    async def _change(self, client: Client, name: str) -> None:
        """A file that is written, a person's command, and an undo of what was written."""
        session = await self.create(client, name)
        async with self._watched(session) as seen:
            await self.say(client, session, f"write {name} to {name}.txt", f"{name}a")
            await self.quiet(client, session)
            await client.run_command(session, TypedCommand(command=f"./do {name}b"), key=f"{name}b")
            await seen.until(
                lambda seen: any(isinstance(each.event, CommandFinished) for each in seen.records), SECONDS
            )
            if any(isinstance(each.event, ToolFinished) and each.event.changed for each in seen.records):
                await client.undo(session, UndoTurn(), key=f"{name}c")
                self.told.undone.append(f"{name}.txt")
                await seen.until(
                    lambda seen: any(isinstance(each.event, UndoFinished) for each in seen.records), SECONDS
                )
            await self.quiet(client, session)

    async def _remember(self, client: Client, name: str) -> None:
        await remember(self, client, name)

    async def _look_back(self, client: Client) -> None:
        """Sessions that left the memory are opened again."""
        for session in [each for each in self.told.sessions[-12:] if each not in self.told.deleting]:
            await client.session(session)
        if self.damaged:
            try:
                await client.repair(self.damaged)
            except ProblemResponse as error:
                # It was mended already, and the server died before it could say so.
                if error.problem != "not-damaged":
                    raise
            self.damaged = ""

    # --- the seams, also of `kills_memory` ----------------------------------------------------------------------------

    async def create(self, client: Client, name: str, agent: str = "assistant") -> str:
        session = (await client.create_session(agent, name, key=name)).session_id
        self.told.sessions.append(session)
        assert (await client.create_session(agent, name, key=name)).session_id == session
        return session

    async def say(self, client: Client, session: str, text: str, key: str, *files: SentAttachment) -> None:
        said = await client.post_message(session, SendMessage(content=text, attachments=list(files)), key=key)
        self.told.messages[key] = (text, said)

    async def _once_more(self, client: Client, name: str) -> None:
        """The same keys: the same answers; and none for another text."""
        mine = {key: told for key, told in self.told.messages.items() if key.startswith(name)}
        for key, (text, said) in mine.items():
            assert await client.post_message(said.session_id, SendMessage(content=text), key=key) == said
        session = next(iter(mine.values()))[1].session_id
        told = [text for text, said in self.told.messages.values() if said.session_id == session]
        shown = (await client.messages(session)).messages
        assert [each.content for each in shown if each.role == "user"] == told
        key, (_, said) = next(iter(mine.items()))
        with suppress(ProblemResponse):
            await client.post_message(said.session_id, SendMessage(content="something else"), key=key)
            raise AssertionError("another text was taken under the same key")

    async def _settled(
        self, client: Client, session: str, enough: Callable[[], bool] = lambda: False, always: str = ""
    ) -> None:
        """Wait until the session is idle, or it is enough; answer what it asks. A turn that many lives in a row were
        too short for is paused: then a person says that it goes on."""

        async def done() -> bool:
            if enough():
                return True
            info = await client.session(session)
            if info.turns > 0 and info.status == "active":
                return True
            if info.waits_for:
                for asked in (await client.approvals(session_id=session)).approvals:
                    await _yes(client, asked, always)
            elif info.status == "paused":
                await self.say(client, session, "repeat go on", f"{session} {info.head}")
            return False

        await until(done, bound=SECONDS, pause=0.03)

    async def quiet(self, client: Client, session: str, always: str = "") -> None:
        """The session is idle, and all its watchers have seen all of it."""
        await self._settled(client, session, always=always)
        head = (await client.session(session)).head
        for each, seen in self.told.watched:
            if each == session:
                await seen.until(lambda seen: len(seen.records) >= head, SECONDS)

    @asynccontextmanager
    async def _watched(self, session: str) -> AsyncIterator[Seen]:
        """Two who stay, and one who goes and comes."""
        restless = Seen()
        async with AsyncExitStack() as stack:
            stayed = [await stack.enter_async_context(attached(self.server, session)) for _ in range(2)]
            await stack.enter_async_context(_while(self._come_and_go(session, restless)))
            self.told.watched += [(session, seen) for seen in (*stayed, restless)]
            yield stayed[0]

    async def _come_and_go(self, session: str, seen: Seen) -> None:
        last = None
        async with self.client() as client:
            while True:
                patience = self.chance.randint(1, 6)
                async with aclosing(client.watch(session, after=last)) as items:
                    async for item in items:
                        if isinstance(item, Record):
                            async with seen.changed:
                                seen.records.append(item)
                                seen.changed.notify_all()
                            last, patience = item.seq, patience - 1
                            if not patience:
                                break


@asynccontextmanager
async def _while(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _yes(client: Client, asked: Approval, always: str) -> None:
    body = Decide(
        call_id=asked.call_id,
        decision="allow_always" if always else "allow_once",
        patterns=[always] if always else [],
        arguments_sha256=asked.arguments_sha256,
        by="a person",
    )
    assert asked.kind == "approval", f"{asked.command}: {asked.evidence}"
    with suppress(ProblemResponse):
        # The server died with the answer on its way: then it is asked again, or not any more.
        await client.post_decision(asked.session_id, body)


def _swap(log: Path) -> None:
    """Another file takes the name of a log in use: what an editor does, or git. Its text is the same."""
    with suppress(FileNotFoundError):
        other = log.with_name("edited")
        shutil.copyfile(log, other)
        other.replace(log)


def make_world(folder: Path, chance: random.Random) -> World:
    """A workspace whose agent reads, and runs commands without a sandbox; no server runs yet."""
    config: dict[str, object] = {"sandbox": {"mode": "trust"}, "server": {"shutdown_grace_seconds": GRACE_SECONDS}}
    config |= {"sessions": {"idle_unload_seconds": 0.5}}
    hands = Hands(make_workspace(folder, TOOLS, config=config), folder)
    (hands.server.workspace / "policy.yaml").write_text(
        "mode: ask\nallow: ['bash:./do *', 'bash:./big *', 'builtin:write_file *', 'builtin:memory *']\n"
    )
    for name, text in (("do", SCRIPT), ("ask", SCRIPT), ("big", BIG)):
        hands.script(name, text)
    (folder / "notes.txt").write_text("what is to be read\n")
    add_keeper(hands.server.workspace)
    return World(hands, chance)

"""One session alive: its log with one writer, and the engine that goes on as long as there is a next step.

The writer of all streams has the law of every write (durable, then true, then told), `engine` the loop. This file joins
them: what is posted is admitted and committed, and what is committed starts the engine, the summary and the watchers'
news.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from duragent.bus import Block, Topic
from duragent.errors import Damaged, DuragentError, SessionDeleted, Stopping
from duragent.journal.admit import Already, admit
from duragent.journal.changes import TurnChanges
from duragent.journal.events import (
    AllowanceRevoked,
    ApprovalDecided,
    CancelRequested,
    CommandRequested,
    Event,
    MessageReceived,
    ToolResolved,
    UndoFinished,
    UndoRequested,
)
from duragent.journal.inputs import Decision, ExpandSummary, Forget, Input, Message, Pin, RunCommand, Undo
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.approvals import prepare_decision
from duragent.session.attachments import with_found_files
from duragent.session.engine import Engine
from duragent.session.file_diffs import ChangedFile, LogChanges, log_changes, undo_diffs
from duragent.session.fold import SESSION_FOLD, SessionWriter
from duragent.session.log_reader import LogReader
from duragent.session.summarising import Summariser
from duragent.session.summary import SUMMARIZED, Summary
from duragent.session.undo import changes_of, planned_undo, prepare_undo
from duragent.session.watch import LogHead, Source, Watched, follow, log_name
from duragent.stores.base import Claim
from duragent.streams.log_writer import WriterHooks
from duragent.turn.ports import Ports

_ADMITTED = (
    MessageReceived,
    CancelRequested,
    ApprovalDecided,
    ToolResolved,
    AllowanceRevoked,
    UndoRequested,
    CommandRequested,
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of an input."""

    seq: int
    """The input's record; 0 when nothing had to change."""
    message_id: str | None = None
    """Of a message only; None of other inputs."""
    duplicate: bool = False
    """The same request was admitted before; `seq` is the record of that one."""
    changed: bool = True
    """Whether a record was written, now or for the request before."""


class Session:
    """A session alive. `post` and `watch` are the two verbs."""

    log: LogReader
    """Reads the stored lines and records."""
    writer: SessionWriter
    """Writes them, and has the state."""
    last_used: float
    """When the session was opened for a caller, or written, last: seconds of the monotonic clock."""

    def __init__(self, ports: Ports, claim: Claim, state: SessionState, on_change: Callable[["Session"], None]) -> None:
        self._ports, self._on_change = ports, on_change
        self._topic = Topic()
        hooks = WriterHooks(self._written, self._failed)
        self.writer = SessionWriter(ports, SESSION_FOLD, claim, state, self._topic, hooks)
        self.log = LogReader(ports.store, claim, self.writer.fail)
        self._engine = Engine(ports, self.writer, self.log, self._topic)
        self._summary = Summary(ports, claim, state.seq, self.writer.snapshot)
        self._summariser = Summariser(ports, self.writer)
        self._deciding = asyncio.Lock()
        self.last_used = ports.clock.monotonic()

    @property
    def id(self) -> str:
        return self.writer.claim.stream_id

    @property
    def state(self) -> SessionState:
        return self.writer.state

    @property
    def claim(self) -> Claim:
        return self.writer.claim

    @property
    def problem(self) -> DuragentError | None:
        """Why the session is read-only, or gone; None while it can be written."""
        return self.writer.problem

    @problem.setter
    def problem(self, problem: DuragentError | None) -> None:
        self.writer.problem = problem

    @property
    def stopping(self) -> bool:
        """Whether the session is being closed, or is closed."""
        return self._engine.stopping

    @property
    def watchers(self) -> int:
        return len(self._topic)

    @property
    def busy(self) -> bool:
        """Whether anything of this session is under way, or it has a watcher."""
        summing_up = (self._summary.task is not None and not self._summary.task.done()) or self._summariser.busy
        return self.writer.busy or self._engine.running or summing_up or self.watchers > 0 or self._deciding.locked()

    # --- the two verbs ----------------------------------------------------------------------------------------------

    async def post(self, posted: Input) -> Receipt:
        """Let an input in; durable on return. Raises what `admit` raises, Damaged, StoreFull, Unavailable, Stopping."""
        if self.stopping:
            raise Stopping
        match posted:
            case Decision():
                return await self._decide(posted)
            case Undo():
                return await self._undo(posted)
            case Message(attachments=(_, *_)):
                return await self._admit(await with_found_files(self.claim, self._ports.store, posted))
            case Pin() | ExpandSummary():
                from duragent.session.view_inputs import with_texts

                return await self._admit(await with_texts(self.log, posted))
            case Forget():
                from duragent.session.forgetting import forget

                return await forget(self.log, self.claim, self._ports.store, posted, self._admit)
            case RunCommand():
                await self._ports.workbench.spool.ready()
                return await self._admit(posted.model_copy(update={"spool": self._ports.workbench.spool.id}))
        return await self._admit(posted)

    async def _decide(self, posted: Decision) -> Receipt:
        """One decision at a time, because what is always allowed is written down before it is decided."""
        async with self._deciding:
            return await self._admit(await prepare_decision(self, self._ports, posted))

    async def _undo(self, posted: Undo) -> Receipt:
        """One at a time, because the files are looked at before it is written down what becomes of them."""
        async with self._deciding:
            return await self._admit(await prepare_undo(self, self._ports, posted))

    async def _admit(self, posted: Input) -> Receipt:
        fresh = self._ports.clock.new_id("command" if isinstance(posted, RunCommand) else "msg")
        already: list[Already] = []

        def decide(state: SessionState) -> Sequence[Event]:
            admitted = admit(state, posted, fresh)
            if isinstance(admitted, Already):
                already.append(admitted)
                return []
            return admitted

        then = self._engine.begun if isinstance(posted, Message) else None
        records = await self.writer.commit(decide, then=then)
        if already:
            before = already[0].remembered
            return Receipt(before.seq, before.message_id or None, duplicate=True)
        if not records:
            return Receipt(0, changed=False)
        # A denial is followed by the result of the denied call; a repetition of the request gets the denial's seq.
        own = next((record for record in records if isinstance(record.event, _ADMITTED)), records[-1])
        return Receipt(own.seq, fresh if isinstance(own.event, MessageReceived) else None)

    @asynccontextmanager
    async def watch(self, after: int) -> AsyncIterator[AsyncIterator[Watched]]:
        """Records behind `after`, then new ones and the output in progress. Ends when the watcher is too slow.

        Raises the session's problem when there is nothing to read behind `after`, and nothing more will come.
        """
        with self._topic.subscribe() as subscription:
            if self.problem is not None and after >= self.state.seq:
                raise self.problem
            if self.stopping or self.problem is not None:
                subscription.close()
            hello = LogHead(self.state.seq, self.claim.oldest, log_name(self.state))
            source = Source(hello, self.log.lines, self._engine.outputs)
            async with aclosing(follow(source, subscription, after)) as items:
                yield items

    # --- reading ----------------------------------------------------------------------------------------------------

    async def records(self, lines: bytes) -> list[Record]:
        """The records of stored lines, with their texts."""
        return await self.log.records(lines)

    async def read_records(self, after: int, limit: int) -> list[Record]:
        """Records behind seq `after`, oldest first, at most `limit`, with their texts."""
        return await self.log.read_records(after, limit)

    # --- what the agent changed ---------------------------------------------------------------------------------------

    async def file_changes(self, first: int | None = None, last: int | None = None) -> LogChanges:
        """What the agent changed in files, by the records from `first` to `last`."""
        last = min(last or self.state.seq, self.state.seq)
        return await log_changes(await changes_of(self, last), self._blob, first or 1, last)

    async def planned_undo(self, turn: str, *, force: bool = False) -> tuple[TurnChanges, Sequence[ChangedFile]]:
        """What an undo would do now, by diffs; see `Undo.turn`. Raises NothingToDo, AgentNotFound, AgentBroken."""
        found, files = await planned_undo(self, self._ports, turn, force=force)
        return found, await undo_diffs(files, self._blob)

    async def undone(self, seq: int) -> UndoFinished:
        """Wait for the end of the undo that record `seq` asked for. Raises the session's problem, Stopping."""
        async with self.watch(seq) as items:
            async for item in items:
                for record in await self.records(item.lines) if isinstance(item, Block) else ():
                    if isinstance(record.event, UndoFinished):
                        return record.event
        raise self.problem or Stopping()

    async def _blob(self, name: str) -> bytes:
        return await self._ports.store.get_blob(self.claim, name)

    # --- what follows a write ---------------------------------------------------------------------------------------

    def _written(self, records: Sequence[Record]) -> None:
        self.last_used = self._ports.clock.monotonic()
        self._engine.interrupt_if_needed()
        if any(isinstance(record.event, SUMMARIZED) for record in records):
            self._summary.write_soon()
        self._on_change(self)
        for listener in self._ports.listeners:
            listener.told(self.id, self.state.seq)
        self.go_on()

    def _failed(self) -> None:
        self._on_change(self)

    def go_on(self) -> None:
        """Start the engine if there is something to do and it is not running."""
        self._engine.go_on()
        if self.state.turn is None and not self.stopping:
            self._summariser.look()

    # --- the end ----------------------------------------------------------------------------------------------------

    async def finish(self, grace_seconds: float) -> None:
        """Let the running turn end within the grace, then stop it where it can go on later; nothing starts after."""
        await self._engine.wait(grace_seconds)
        halting = self._engine.halt()
        await self._summariser.stop()
        for task in (*halting, self.writer.task):
            if task is not None:
                await asyncio.wait((task,))
        if not isinstance(self.problem, Damaged):
            self._summary.write_soon()
        if self._summary.task is not None:
            await asyncio.wait((self._summary.task,))
        self._topic.close()

    async def retire(self) -> None:
        """Stop at once, for a session that is being deleted: nothing more is written."""
        self.problem = SessionDeleted(self.id)
        for task in (*self._engine.halt(), self.writer.task, self._summary.task, self._summariser.task):
            if task is not None:
                task.cancel()
                await asyncio.wait((task,))
        self.writer.refuse_all(SessionDeleted(self.id))
        await self._engine.abandon()
        self._topic.close()

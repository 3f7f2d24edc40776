"""One session alive: its one writer, and the engine that goes on as long as there is a next step.

The law is in `_write_batch`: durable, then true, then told. Everybody who wants a record written proposes a decision;
decisions are made one after another against the state that they will follow, and what arrives while a write is under
way goes into the next one. An idle session has no task of its own.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from duragent.bus import Block, OutputDelta, Topic
from duragent.crashpoint import crashpoint
from duragent.errors import (
    Damaged,
    DuragentError,
    Fenced,
    SessionDeleted,
    Stopping,
    StoreError,
    StoreFull,
    Unavailable,
)
from duragent.journal.admit import Already, admit
from duragent.journal.events import (
    ApprovalDecided,
    CancelRequested,
    Event,
    MessageReceived,
    ToolResolved,
)
from duragent.journal.inputs import Decision, Input
from duragent.journal.line import crc_of
from duragent.journal.record import Record, crc_seed, encode
from duragent.journal.snapshot import Snapshot
from duragent.journal.state import SessionState
from duragent.session.approvals import prepare_decision
from duragent.session.commit_queue import PendingCommit, WriterContext, decide_batch
from duragent.session.log_reader import LogReader
from duragent.session.summary import SUMMARIZED, Summary
from duragent.session.watch import LogHead, Source, Watched, follow
from duragent.stores.base import Claim
from duragent.turn.host import FULL_STORE_PAUSE_SECONDS, Decide, HistoryNeed, InProgress, why_stop
from duragent.turn.ports import Ports
from duragent.turn.turn import Turn

FULL_SECONDS = 60.0
"""So long after a write that found no room there counts as none: perhaps nobody has tried again."""

BATCH = 64
"""Decisions that go into one write at most."""

_ADMITTED = (MessageReceived, CancelRequested, ApprovalDecided, ToolResolved)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of an input. `seq` is its record's, 0 when nothing had to change; `message_id` only of a message."""

    seq: int
    message_id: str | None = None
    duplicate: bool = False
    changed: bool = True


class Session:
    """A session alive. `post` and `watch` are all that anybody outside needs."""

    def __init__(self, ports: Ports, claim: Claim, state: SessionState, on_change: Callable[["Session"], None]) -> None:
        self._ports, self._claim, self._state, self._on_change = ports, claim, state, on_change
        self._seed = crc_seed(claim.session_id)
        self._reading = LogReader(ports.store, claim, self._fail)
        self._topic = Topic()
        self._shown: list[InProgress] = []
        self._proposals: list[PendingCommit] = []
        self._writing: asyncio.Task[None] | None = None
        self._engine: asyncio.Task[None] | None = None
        self._pause: asyncio.Future[None] | None = None
        self._reported = ""
        self._summary = Summary(ports, claim, state.seq, self._to_sum_up)
        self._last_crc = ""
        self._interrupt = asyncio.Event()
        self._stopping = False
        self._deciding = asyncio.Lock()
        self._turn = Turn(self, ports)
        self.problem: DuragentError | None = claim.damage
        self._full: tuple[float, StoreFull] | None = None
        self.last_used = ports.clock.monotonic()
        self.deleting = False

    @property
    def id(self) -> str:
        return self._claim.session_id

    @property
    def state(self) -> SessionState:
        return self._state

    @property
    def claim(self) -> Claim:
        return self._claim

    @property
    def interrupt(self) -> asyncio.Event:
        return self._interrupt

    @property
    def stopping(self) -> bool:
        return self._stopping

    @property
    def watchers(self) -> int:
        return len(self._topic)

    @property
    def trouble(self) -> str | None:
        """Why it cannot be written at the moment, as far as anybody knows."""
        if isinstance(self.problem, Unavailable):
            return str(self.problem)
        since = self._ports.clock.monotonic() - FULL_SECONDS
        return str(self._full[1]) if self._full and self._full[0] >= since else None

    @property
    def writing(self) -> bool:
        """Whether the log may hold more already than the state says."""
        return self._writing is not None and not self._writing.done()

    @property
    def busy(self) -> bool:
        """Whether anything of this session is under way."""
        tasks = (self._writing, self._engine, self._summary.task)
        under_way = any(task is not None and not task.done() for task in tasks)
        return under_way or bool(self._proposals or self.watchers) or self._deciding.locked()

    # --- the two verbs ----------------------------------------------------------------------------------------------

    async def post(self, posted: Input) -> Receipt:
        """Let an input in; durable on return. Raises what `admit` raises, Damaged, StoreFull, Unavailable, Stopping."""
        if self._stopping:
            raise Stopping
        if isinstance(posted, Decision):
            return await self._decide(posted)
        return await self._admit(posted)

    async def _decide(self, posted: Decision) -> Receipt:
        """One decision at a time, because what is always allowed is written down before it is decided."""
        async with self._deciding:
            return await self._admit(await prepare_decision(self, self._ports, posted))

    async def _admit(self, posted: Input) -> Receipt:
        fresh = self._ports.clock.new_id("msg")
        already: list[Already] = []

        def decide(state: SessionState) -> Sequence[Event]:
            admitted = admit(state, posted, fresh)
            if isinstance(admitted, Already):
                already.append(admitted)
                return []
            return admitted

        records = await self.commit(decide)
        if already:
            before = already[0].remembered
            return Receipt(before.seq, before.message_id or None, duplicate=True)
        if not records:
            return Receipt(0, changed=False)
        # The result of a call that is denied is behind the denial; a repetition would be told of the denial.
        own = next((record for record in records if isinstance(record.event, _ADMITTED)), records[-1])
        return Receipt(own.seq, fresh if isinstance(own.event, MessageReceived) else None)

    @asynccontextmanager
    async def watch(self, after: int) -> AsyncIterator[AsyncIterator[Watched]]:
        """Records behind `after`, then what happens, and what is being said. Ends when the watcher is too slow."""
        with self._topic.subscribe() as subscription:
            state = self._state
            if self.problem is not None and after >= state.seq:
                raise self.problem  # Nothing more will come, and who has seen all there is is told why.
            if self._stopping or self.problem is not None:
                subscription.close()
            repaired = f"~{state.repaired}" if state.repaired else ""
            hello = LogHead(state.seq, self._claim.oldest, f"{self.id}@{state.created_at}{repaired}")
            source = Source(hello, self.read, self._being_written)
            async with aclosing(follow(source, subscription, after)) as items:
                yield items

    def _being_written(self) -> Sequence[InProgress]:
        """What a watcher is told first. The end of an answer is true, and told, before its asker knows and hides it."""
        return [shown for shown in self._shown if not shown.over(self._state)]

    # --- reading ----------------------------------------------------------------------------------------------------

    async def read(self, after: int, limit: int) -> bytes:
        return await self._reading.lines(after, limit)

    async def read_back(self, before: int | None, limit: int) -> bytes:
        return await self._reading.lines_back(before, limit)

    async def blobs(self, lines: bytes) -> dict[str, bytes]:
        return await self._reading.blobs(lines)

    async def records(self, lines: bytes) -> list[Record]:
        return await self._reading.records(lines)

    async def read_records(self, after: int, limit: int) -> list[Record]:
        return await self.records(await self.read(after, limit))

    async def newest(self, wanted: HistoryNeed) -> tuple[list[Record], bool]:
        """See `TurnHost`."""
        return await self._reading.newest(wanted, self._state)

    # --- the one writer ---------------------------------------------------------------------------------------------

    async def commit(self, decide: Decide, *, claim: bool = False) -> list[Record]:
        """Write the events that `decide` names for the state that they will follow; durable and told on return.

        With `claim` the log gets the record of this process as its owner even when there are no other events.
        The caller may go away: what was proposed is decided all the same.
        """
        if self.problem is not None:
            raise self.problem
        proposal = PendingCommit(decide, asyncio.get_running_loop().create_future(), claim)
        self._proposals.append(proposal)
        if self._writing is None or self._writing.done():
            self._writing = self._ports.spawn(self._write())
        return await proposal.done

    async def _write(self) -> None:
        while self._proposals:
            batch, self._proposals = self._proposals[:BATCH], self._proposals[BATCH:]
            try:
                await self._write_batch(batch)
            except StoreError as error:
                self._give_up(batch, error)
            except asyncio.CancelledError:
                for proposal in batch:
                    proposal.refuse(self.problem or Stopping())
                raise
            except Exception as error:
                _log.exception("writing session %s failed", self.id)
                self._give_up(batch, Unavailable(f"session '{self.id}' cannot be written: {error}"))

    async def _write_batch(self, batch: list[PendingCommit]) -> None:
        """Durable, then true, then told."""
        state = decide_batch(
            batch, self._state, WriterContext(self._claim, self._ports.clock, self._ports.node, self._seed)
        )
        records = [record for proposal in batch for record in proposal.records]
        if records:
            count = len(records)
            encoded = [line for proposal in batch for line in proposal.encoded]
            if count > 1:
                encoded = [
                    encode(Record(record.seq, record.ts, record.event, f"{i}/{count}"), self._seed)
                    for i, record in enumerate(records, 1)
                ]
            for line in encoded:
                for name, data in line.blobs.items():
                    await self._ports.store.put_blob(self._claim, name, data)
            lines = [line.line for line in encoded]
            await self._ports.store.append(self._claim, lines, expect=self._state.seq)
            self._state = state
            self._last_crc = crc_of(lines[-1])
            crashpoint("commit.stored")
            self._topic.publish(Block(b"".join(lines), records[0].seq, records[-1].seq))
            crashpoint("commit.published")
        for proposal in batch:
            proposal.accept()
        if records:
            self._after(records)

    def _give_up(self, batch: list[PendingCommit], error: StoreError) -> None:
        if isinstance(error, StoreFull):
            self._full = (self._ports.clock.monotonic(), error)
        else:
            self._fail(error)
        for proposal in batch:
            proposal.refuse(SessionDeleted(self.id) if self._is_gone(error) else error)

    def _is_gone(self, error: StoreError) -> bool:
        """Whether the store has taken the claim because it has deleted the session; `retire` follows."""
        return self.deleting and isinstance(error, Fenced)

    def _to_sum_up(self) -> Snapshot | None:
        return Snapshot(self._state, self._last_crc) if self._last_crc and self.problem is None else None

    def _fail(self, error: StoreError) -> None:
        """Nothing more comes from here: who watches has to come again, and is told why or finds it opened again."""
        if self.problem is None and not self._is_gone(error):
            _log.error("%s", error)
            self.problem = error
            self._on_change(self)
            self._topic.close()

    def _after(self, records: list[Record]) -> None:
        self._full = None
        self.last_used = self._ports.clock.monotonic()
        if why_stop(self._state, self._stopping):
            self._interrupt.set()
        if any(isinstance(record.event, SUMMARIZED) for record in records):
            self._summary.write_soon()
        self._on_change(self)
        self.go_on()

    # --- the engine -------------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Start the engine if there is something to do and it is not running."""
        idle = self._engine is None or self._engine.done()
        if idle and self._turn.next_step():
            self._engine = self._ports.spawn(self._run())

    async def _run(self) -> None:
        self._reported = ""
        try:
            await self._turn.run()
            self._reading.forget()
        except StoreError as error:
            self._fail(error)
        except SessionDeleted:
            # Its deletion is under way: `retire` follows.
            pass

    @property
    def can_work(self) -> bool:
        return self.problem is None and not self._stopping

    async def wait_for_store(self, error: StoreError) -> None:
        """See `TurnHost`."""
        if not self.can_work:
            return
        if str(error) != self._reported:
            # Once: a disk may be full for days, and hold very many sessions.
            _log.warning("%s; trying again every %g s", error, FULL_STORE_PAUSE_SECONDS)
            self._reported = str(error)
        self._pause = asyncio.ensure_future(self._ports.clock.sleep(FULL_STORE_PAUSE_SECONDS))
        await asyncio.wait((self._pause,))

    def begin_output(self, shown: InProgress) -> None:
        self._shown.append(shown)

    def end_output(self, shown: InProgress) -> None:
        self._shown.remove(shown)

    def publish(self, delta: OutputDelta) -> None:
        self._topic.publish(delta)

    # --- the end ----------------------------------------------------------------------------------------------------

    async def finish(self, grace_seconds: float) -> None:
        """Let the running turn end within the grace, then stop it where it can go on later; nothing starts after."""
        if self._engine is not None and not self._engine.done() and grace_seconds > 0:
            await asyncio.wait((self._engine,), timeout=grace_seconds)
        self._halt()
        for task in (self._engine, self._writing):
            if task is not None:
                await asyncio.wait((task,))
        if not isinstance(self.problem, Damaged):
            self._summary.write_soon()
        if self._summary.task is not None:
            await asyncio.wait((self._summary.task,))
        self._topic.close()

    def _halt(self) -> None:
        self._stopping = True
        self._interrupt.set()
        if self._pause is not None:
            self._pause.cancel()

    async def retire(self) -> None:
        """Stop at once, for a session that is being deleted: nothing more is written."""
        self.problem = SessionDeleted(self.id)
        self._halt()
        for task in (self._engine, self._writing, self._summary.task):
            if task is not None:
                task.cancel()
                await asyncio.wait((task,))
        for proposal in self._proposals:
            proposal.refuse(SessionDeleted(self.id))
        await self._turn.abandon()
        self._topic.close()

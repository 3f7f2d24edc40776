"""All sessions: create, open on demand, go on after a crash, list, delete, unload when idle.

Outside this room nobody knows more than `post` and `watch`; the rest here is bookkeeping.
"""

import asyncio
import builtins
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence, Set
from contextlib import asynccontextmanager

from duragent.bus import Block, OutputDelta
from duragent.errors import Damaged, DuragentError, LogChanged, NotDamaged, Stopping, Unavailable
from duragent.journal.answer import AnswerFold, TurnAnswer
from duragent.journal.apply import reduce
from duragent.journal.inputs import Input
from duragent.journal.question import Question
from duragent.journal.record import Record, crc_seed, encode, expanded_block, timestamp
from duragent.journal.state import SessionState
from duragent.session.approvals import if_readable, open_question
from duragent.session.checks import CheckPorts, Checks
from duragent.session.create import CreateKey, NewSession, create_once, first_records
from duragent.session.expiry import expired_approvals, expired_sessions
from duragent.session.index import Index, SessionQuery
from duragent.session.locks import SessionLocks
from duragent.session.recovery import recover
from duragent.session.repair import damage_of, mend
from duragent.session.session import Receipt, Session
from duragent.session.tasks import StoppableTasks, best_effort, bounded, shielded
from duragent.session.wait_for_turn import wait_for_turn
from duragent.session.watch import LogHead, LogReset, ReplayEnd, Watched
from duragent.turn.ports import Ports

__all__ = [
    "Block",
    "LogHead",
    "LogReset",
    "NewSession",
    "OutputDelta",
    "Receipt",
    "ReplayEnd",
    "Sessions",
    "Watched",
]

HANG_SECONDS = 0.5
FINISH_SECONDS, SAVE_SECONDS = 2.0, 1.0
"""So long a stop waits, beyond the grace, for sessions, for the list and for closing what the disk does not let end."""
INDEX_SECONDS = 30.0
EXPIRY_SECONDS = 3600.0
APPROVAL_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Sessions:
    """See the module docstring. One of it in a process, on one event loop."""

    def __init__(self, ports: Ports) -> None:
        self._ports = dataclasses.replace(ports, others=self)
        self.node = ports.node
        self._live: dict[str, Session] = {}
        # Whoever makes, opens, closes or deletes a session does so alone.
        self._locks = SessionLocks()
        self._index = Index()
        self._checks = Checks(
            CheckPorts(
                ports.store, ports.clock, self._live, self._index, self._session, self._reopen, self._unload, self._note
            )
        )
        self._adopting = StoppableTasks()
        self._stopping = False

    # --- the two verbs ----------------------------------------------------------------------------------------------

    async def post(self, session_id: str, posted: Input) -> Receipt:
        """Let an input in; durable on return. Raises SessionNotFound, and what `Session.post` raises."""
        if self._stopping:
            raise Stopping
        return await (await self._session(session_id)).post(posted)

    @asynccontextmanager
    async def watch(self, session_id: str, after: int) -> AsyncIterator[AsyncIterator[Watched]]:
        """Records behind seq `after`, then what happens. Raises SessionNotFound. Ends when the watcher is too slow."""
        session = await self._session(session_id)
        async with session.watch(after) as items:
            yield items

    async def answer(self, session_id: str, seq: int, turn: str = "") -> TurnAnswer:
        """Wait for the end of the turn that takes up the message `seq`; at once when it has ended long ago.

        With `turn` it is that turn's end after the record `seq`. A turn that stands still is an answer too.
        """
        fold, after = AnswerFold(seq, turn), seq
        while not self._stopping:
            # Once is enough unless the watch ends early: the session was deleted, reopened, or this watcher too slow.
            session = await self._session(session_id)
            answer, after = await wait_for_turn(session, fold, after)
            if answer is not None:
                return answer
            if session.problem is not None:
                raise session.problem
        raise Stopping

    # --- one session ------------------------------------------------------------------------------------------------

    async def create(self, new: NewSession) -> tuple[SessionState, bool]:
        """The new session's state, and whether it was made before under the same key. Raises AgentNotFound."""
        if self._stopping:
            raise Stopping
        wish = CreateKey(new.idempotency_key, new.fingerprint, self._ports.clock.new_id("session"))
        return await create_once(wish, self.state, lambda session_id: self._create(session_id, new))

    async def adopt(
        self, session_id: str, lines: AsyncIterator[Sequence[bytes]], blobs: AsyncIterator[tuple[str, bytes]]
    ) -> SessionState:
        """Take in a log that comes from elsewhere; see `Store.adopt`. Raises SessionExists."""
        if self._stopping:
            raise Stopping
        await self._adopting.do(self._adopt(session_id, lines, blobs))
        return await self.state(session_id)

    async def _adopt(
        self, session_id: str, lines: AsyncIterator[Sequence[bytes]], blobs: AsyncIterator[tuple[str, bytes]]
    ) -> None:
        async with self._locks(session_id):
            await self._ports.store.adopt(session_id, lines, blobs)

    async def repair(self, session_id: str) -> SessionState:
        """Let a damaged session go on behind its last good record; the rest is kept beside its log.

        Raises NotDamaged, LogChanged while the log is another one than was acknowledged, and Damaged where nothing is
        left to go on from.
        """
        await shielded(self._repair(await self._session(session_id)))
        return await self.state(session_id)

    async def _repair(self, session: Session) -> None:
        async with self._locks(session.id):
            session = self._live.get(session.id, session)
            damage = await damage_of(session, self._ports.store)
            if damage is None:
                if session.stopping:
                    await self._opened(session.id)
                if isinstance(session.problem, LogChanged):
                    # What is there is whole, but not what was acknowledged.
                    raise session.problem
                raise NotDamaged(session.id)
            await session.finish(0)
            try:
                # What is on the disk now counts, not what was there when it was opened.
                claim = await self._ports.store.claim(session.id)
                await mend(self._ports, claim, claim.damage or damage)
            except DuragentError:
                # Its claim may be over. What is wrong with it is to stay known.
                again = await self._opened(session.id)
                again.problem = again.problem or damage
                self._note(again)
                raise
            # With what it started: none of its calls is open any more.
            await self._live.pop(session.id, session).retire()

    async def _create(self, session_id: str, new: NewSession) -> SessionState:
        ts, seed = timestamp(self._ports.clock.now()), crc_seed(session_id)
        records = first_records(new, self._ports.agents.get(new.agent), ts, self._ports.node)
        async with self._locks(session_id):
            claim = await self._ports.store.create(session_id, [encode(record, seed).line for record in records])
            session = Session(self._ports, claim, reduce(SessionState(session_id), records), self._note)
            self._live[session_id] = session
        self._note(session)
        return session.state

    async def state(self, session_id: str) -> SessionState:
        return (await self._session(session_id)).state

    async def read(self, session_id: str, after: int, limit: int) -> bytes:
        """Stored lines; see `Store.read`."""
        return await (await self._session(session_id)).read(after, limit)

    async def read_back(self, session_id: str, before: int | None, limit: int) -> bytes:
        """Stored lines; see `Store.read_back`."""
        return await (await self._session(session_id)).read_back(before, limit)

    async def expand(self, session_id: str, lines: bytes) -> bytes:
        """The lines with long texts back in place; each keeps a (zero) crc, so that it is framed as the others."""
        session = await self._session(session_id)
        blobs = await session.blobs(lines)
        return expanded_block(lines, blobs.__getitem__)

    async def records(self, session_id: str, lines: bytes) -> list[Record]:
        """The records of stored lines."""
        return await (await self._session(session_id)).records(lines)

    async def blob(self, session_id: str, name: str) -> bytes:
        """Raises Damaged when it is absent, or not what its name says."""
        return await self._ports.store.get_blob((await self._session(session_id)).claim, name)

    async def damage(self, session_id: str) -> Damaged | None:
        """Why this session is read-only, if it is because of its log."""
        problem = (await self._session(session_id)).problem
        return problem if isinstance(problem, Damaged) else None

    def watchers(self, session_id: str) -> int:
        session = self._live.get(session_id)
        return session.watchers if session else 0

    async def delete(self, session_id: str) -> None:
        """Remove a session for good, whatever it is doing. Raises SessionNotFound."""
        await shielded(self._delete(await self._session(session_id)))

    async def _delete(self, session: Session) -> None:
        async with self._locks(session.id):
            # It may have been opened again while we waited. All others wait at the door until it is gone, or is not.
            session = self._live.pop(session.id, session)
            session.deleting = True
            try:
                await self._ports.store.delete(session.id)
            except BaseException:
                session.deleting = False
                if session.claim.over or session.stopping:
                    await session.retire()
                else:
                    self._live[session.id] = session
                raise
            await session.retire()
            self._index.drop(session.id)

    # --- all of them ------------------------------------------------------------------------------------------------

    async def list(
        self,
        *,
        agent: str | None = None,
        status: str | None = None,
        prefix: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[SessionState], str | None]:
        """A page of sessions, the last changed first, and the cursor of the next page.

        Every session is there, also right after the start; see `unread` for those that have not been read by then.
        """
        if cursor is None:
            await self._index.wait_a_moment()
        return self._index.page(SessionQuery(agent, status, prefix, limit, cursor))

    def unread(self) -> Set[str]:
        """Sessions of which only the id and the times are known yet. They fit no agent and no status."""
        return frozenset(self._index.unread)

    def damaged(self) -> Mapping[str, str]:
        """Sessions that are read-only, and why."""
        return self._index.problems()

    def trouble(self) -> str | None:
        """Why a session cannot be written at the moment: the disk, most likely, and so not this session alone."""
        return next((trouble for session in self._live.values() if (trouble := session.trouble)), None)

    @property
    def running(self) -> int:
        """Sessions with a turn under way or a watcher."""
        return sum(session.busy for session in self._live.values())

    async def of_agent(self, agent: str, limit: int) -> Sequence[SessionState]:
        """See `ports.Others`."""
        return (await self.list(agent=agent, limit=limit))[0]

    async def records_back(self, session_id: str, before: int | None, limit: int) -> "builtins.list[Record]":
        """See `ports.Others`."""
        return await self.records(session_id, await self.read_back(session_id, before, limit))

    async def questions(self) -> "builtins.list[Question]":
        """What people are asked, in all sessions that have been read, the oldest first."""
        await self._index.wait_a_moment()
        asking = [state.session_id for state in self._index.states() if state.asks]
        found = [await if_readable(self.question(session_id)) for session_id in asking]
        return sorted((question for question in found if question), key=lambda question: question.asked_at)

    async def question(self, session_id: str) -> Question | None:
        """What this session asks; None when it asks nothing."""
        return await open_question(await self._session(session_id))

    # --- open on demand ---------------------------------------------------------------------------------------------

    async def _session(self, session_id: str) -> Session:
        session = self._live.get(session_id)
        if session is None and self._stopping:
            raise Stopping
        if session is None or isinstance(session.problem, Unavailable):
            session = await shielded(self._open(session_id))
            if self._live.get(session_id) is not session:
                # It was unloaded or deleted before it was our turn to run again.
                return await self._session(session_id)
        session.last_used = self._ports.clock.monotonic()
        return session

    async def _open(self, session_id: str) -> Session:
        async with self._locks(session_id):
            session = self._live.get(session_id)
            if session is not None and isinstance(session.problem, Unavailable):
                # The disk failed it; perhaps the cause is gone. If not, it stays what it is.
                await session.finish(0)
                session = None
            return session or await self._opened(session_id)

    async def _reopen(self, session: Session) -> None:
        async with self._locks(session.id):
            if self._live.get(session.id) is session:
                await session.finish(0)
                await self._opened(session.id)

    async def _opened(self, session_id: str) -> Session:
        claim = await self._ports.store.claim(session_id)
        try:
            state = await recover(self._ports.store, claim)
            if self._stopping:
                raise Stopping  # `close` does not know of it, and would not stop what is posted to it.
        except BaseException:
            await self._ports.store.release(claim)
            raise
        session = self._live[session_id] = Session(self._ports, claim, state, self._note)
        self._note(session)
        session.go_on()
        return session

    async def _unload(self, session: Session) -> None:
        async with self._locks(session.id):
            # What is wrong with a session, and that it wants to go on, is to stay known.
            troubled = isinstance(session.problem, Damaged | Unavailable)
            if session.busy or troubled or self._live.get(session.id) is not session:
                return
            # Whoever comes now waits at the door and opens it again.
            del self._live[session.id]
            await session.finish(0)
            await self._ports.store.release(session.claim)

    def _note(self, session: Session) -> None:
        self._index.put(session.state, str(session.problem) if session.problem else None)

    # --- the whole life ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Go on with what was interrupted, then keep house until cancelled."""
        doubtful = await self._index.fill(self._ports.store)
        working = [state.session_id for state in self._index.states() if state.has_work]
        unread = await self._checks.open_all(dict.fromkeys([*working, *doubtful]))
        self._index.settle()
        # Of a session that cannot be read now nobody knows what it waits for.
        await best_effort(self._ports.means.spool.sweep(lambda name, call: name in unread or self._awaited(name, call)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(INDEX_SECONDS, self._save_index))
            tasks.create_task(self._every(INDEX_SECONDS, self._open_failed))
            tasks.create_task(self._every(INDEX_SECONDS, self._checks.again))
            tasks.create_task(self._every(EXPIRY_SECONDS, self._close_expired))
            tasks.create_task(self._every(APPROVAL_SECONDS, self._deny_expired))
            tasks.create_task(self._every(self._ports.settings.idle_unload_seconds / 4, self._unload_idle))

    def _awaited(self, session_id: str, call: str) -> bool:
        """Whether the log says of this call that it runs, or is not fit to say; an old row says nothing."""
        row = self._index.rows.get(session_id)
        calls = row.state.turn.calls if row and row.state.turn else ()
        started = any(each.call == call and each.status == "started" for each in calls)
        return started or (row is not None and (row.old or row.problem is not None))

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._ports.clock.sleep(seconds)
            await best_effort(work())

    async def _save_index(self) -> None:
        await self._index.save(
            self._ports.store, lambda: {session.id for session in self._live.values() if session.writing}
        )

    async def _open_failed(self) -> None:
        """Sessions that the disk failed go on by themselves when the cause is gone."""
        for session in list(self._live.values()):
            if isinstance(session.problem, Unavailable):
                await best_effort(self._session(session.id))

    async def _unload_idle(self) -> None:
        old = self._ports.clock.monotonic() - self._ports.settings.idle_unload_seconds
        for session in list(self._live.values()):
            if session.last_used < old and not session.busy:
                await self._unload(session)

    async def _close_expired(self) -> None:
        for session_id, posted in expired_sessions(self._index.states(), self._ports):
            await best_effort(self.post(session_id, posted))

    async def _deny_expired(self) -> None:
        for session_id, posted in expired_approvals(self._index.states(), self._ports):
            await best_effort(self.post(session_id, posted))

    async def close(self, grace_seconds: float) -> None:
        """Stop: turns that can end within the grace end, the others go on at the next start."""
        self._stopping = True
        self._index.settle()
        await self._adopting.stop()
        sessions = list(self._live.values())
        await bounded(grace_seconds + FINISH_SECONDS, *(session.finish(grace_seconds) for session in sessions))
        await bounded(SAVE_SECONDS, best_effort(self._save_index()))
        await bounded(HANG_SECONDS, *(self._ports.store.release(session.claim) for session in sessions))
        self._live.clear()

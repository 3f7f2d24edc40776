"""All sessions: post, watch, create, list, read, repair, delete.

Outside this room only `post` and `watch` are needed to work with a session; the rest here is bookkeeping.
`live_sessions` has the sessions in memory, `housekeeping` what is done for all of them at intervals.
"""

import asyncio
import builtins
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from duragent.errors import Damaged, Stopping
from duragent.journal.answer import AnswerFold, TurnAnswer
from duragent.journal.events import Attachment
from duragent.journal.inputs import Input
from duragent.journal.question import Question
from duragent.journal.record import Record, expanded_block
from duragent.journal.state import SessionState
from duragent.session.approvals import if_readable, open_question
from duragent.session.attachments import attach
from duragent.session.create import CreateKey, NewSession, create_once
from duragent.session.housekeeping import Housekeeping
from duragent.session.index import Index, SessionQuery
from duragent.session.live_sessions import LiveSessions
from duragent.session.log_source import SessionLogs
from duragent.session.tasks import StoppableTasks, best_effort, bounded
from duragent.session.wait_for_turn import wait_for_turn
from duragent.session.watch import Watched
from duragent.shield import shielded
from duragent.turn.ports import Ports

if TYPE_CHECKING:
    from duragent.session.session import Receipt

__all__ = ["NewSession", "Sessions"]

SAVE_SECONDS = 1.0
"""The longest wait, at a stop, for the list to be saved."""


class Sessions:
    """See the module docstring. One object for a process, on one event loop."""

    node: str
    """The id of this process in logs."""
    index: Index
    """The list of sessions."""
    live: LiveSessions
    """The sessions in memory."""
    housekeeping: Housekeeping
    """What is done for all sessions at the start and at intervals."""

    def __init__(self, ports: Ports) -> None:
        self.node = ports.node
        self.index = Index()
        self._ports = ports
        self.live = LiveSessions(self._ports, self.index)
        self.housekeeping = Housekeeping(self._ports, self.live, self.index)
        self._adopting = StoppableTasks()

    # --- the two verbs ----------------------------------------------------------------------------------------------

    async def post(self, session_id: str, posted: Input) -> "Receipt":
        """Let an input in; durable on return. Raises SessionNotFound, and what `Session.post` raises."""
        return await self.live.post(session_id, posted)

    async def attach(self, session_id: str, data: bytes, name: str) -> Attachment:
        """Keep a file for a message; durable on return. Raises what `attachments.attach` does."""
        return await attach(await self.live.open(session_id), self._ports.store, data, name)

    @asynccontextmanager
    async def watch(self, session_id: str, after: int) -> AsyncIterator[AsyncIterator[Watched]]:
        """Records behind seq `after`, then what happens. Raises SessionNotFound. Ends when the watcher is too slow."""
        session = await self.live.open(session_id)
        async with session.watch(after) as items:
            yield items

    async def answer(self, session_id: str, seq: int, turn: str = "") -> TurnAnswer:
        """Wait for the end of the turn that takes up the message `seq`; at once when it has ended long ago.

        With `turn` it is that turn's end after the record `seq`. A turn that stands still is an answer too.
        """
        fold, after = AnswerFold(seq, turn), seq
        while not self.live.stopping:
            # Once is enough unless the watch ends early: the session was deleted, reopened, or this watcher too slow.
            session = await self.live.open(session_id)
            answer, after = await wait_for_turn(session, fold, after)
            if answer is not None:
                return answer
            if session.problem is not None:
                raise session.problem
        raise Stopping

    # --- one session ------------------------------------------------------------------------------------------------

    async def create(self, new: NewSession) -> tuple[SessionState, bool]:
        """The new session's state, and whether it was made before under the same key. Raises AgentNotFound."""
        self.live.refuse_when_stopping()
        key = CreateKey(new.idempotency_key, new.fingerprint, self._ports.clock.new_id("session"))
        return await create_once(key, self.state, lambda session_id: self.live.create(session_id, new))

    async def adopt(
        self, session_id: str, lines: AsyncIterator[Sequence[bytes]], blobs: AsyncIterator[tuple[str, bytes]]
    ) -> SessionState:
        """Take in a log that comes from elsewhere; see `Store.adopt`. Raises SessionExists."""
        self.live.refuse_when_stopping()
        await self._adopting.do(self.live.adopt(session_id, lines, blobs))
        return await self.state(session_id)

    async def repair(self, session_id: str) -> SessionState:
        """Let a damaged session go on behind its last good record; the rest is kept beside its log.

        Raises NotDamaged, LogChanged while the log is another one than was acknowledged, and Damaged where nothing is
        left to go on from.
        """
        await shielded(self.live.repair(await self.live.open(session_id)))
        return await self.state(session_id)

    async def delete(self, session_id: str, *, head: int | None = None) -> None:
        """Remove a session for good, whatever it is doing. Raises SessionNotFound."""
        await shielded(self.live.delete(await self.live.open(session_id), head))

    async def state(self, session_id: str) -> SessionState:
        """Raises SessionNotFound."""
        return (await self.live.open(session_id)).state

    async def read(self, session_id: str, after: int, limit: int) -> bytes:
        """Stored lines; see `Store.read`."""
        return await (await self.live.open(session_id)).log.lines(after, limit)

    async def read_back(self, session_id: str, before: int | None, limit: int) -> bytes:
        """Stored lines; see `Store.read_back`."""
        return await (await self.live.open(session_id)).log.lines_back(before, limit)

    async def expand(self, session_id: str, lines: bytes) -> bytes:
        """The lines with long texts back in place; each keeps a (zero) crc, so that it is framed as the others."""
        session = await self.live.open(session_id)
        blobs = await session.log.blobs(lines)
        return expanded_block(lines, blobs.__getitem__)

    async def records(self, session_id: str, lines: bytes) -> list[Record]:
        """The records of stored lines."""
        return await (await self.live.open(session_id)).records(lines)

    async def blob(self, session_id: str, name: str) -> bytes:
        """As `LogReader.blob`. Raises Damaged when it is absent, or not what its name says."""
        return await (await self.live.open(session_id)).log.blob(name)

    async def damage(self, session_id: str) -> Damaged | None:
        """Why this session is read-only, if it is because of its log."""
        problem = (await self.live.open(session_id)).problem
        return problem if isinstance(problem, Damaged) else None

    def watchers(self, session_id: str) -> int:
        """How many watch it now."""
        session = self.live.get(session_id)
        return session.watchers if session else 0

    # --- all of them ------------------------------------------------------------------------------------------------

    async def list(
        self,
        *,
        agent: str | None = None,
        status: str | None = None,
        prefix: str | None = None,
        match: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[SessionState], str | None]:
        """A page of sessions, the last changed first, and the cursor of the next page.

        Every session is there, also right after the start; see `unread` for those that have not been read by then.
        """
        if cursor is None:
            await self.index.wait_a_moment()
        return self.index.page(SessionQuery(agent, status, prefix, match, limit, cursor))

    def unread(self) -> Set[str]:
        """Sessions of which only the id and the times are known yet. They fit no agent and no status."""
        return frozenset(self.index.unread)

    def damaged(self) -> Mapping[str, str]:
        """Sessions that are read-only, and why."""
        return self.index.problems()

    def trouble(self) -> str | None:
        """Why a session cannot be written at the moment: the disk, most likely, and so not this session alone."""
        return next((trouble for session in self.live if (trouble := session.writer.trouble)), None)

    @property
    def running(self) -> int:
        """Sessions with a turn under way or a watcher."""
        return sum(session.busy for session in self.live)

    async def questions(self) -> "builtins.list[Question]":
        """What people are asked, in all sessions that have been read, the oldest first."""
        await self.index.wait_a_moment()
        asking = [state.session_id for state in self.index.states() if state.asks]
        found = [await if_readable(self.question(session_id)) for session_id in asking]
        return sorted((question for question in found if question), key=lambda question: question.asked_at)

    async def question(self, session_id: str) -> Question | None:
        """What this session asks; None when it asks nothing."""
        return await open_question(await self.live.open(session_id))

    # --- the whole life ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Go on with what was interrupted, keep house and run the listeners, until cancelled."""
        logs = SessionLogs(self.live)
        async with asyncio.TaskGroup() as tasks:
            for listener in self._ports.listeners:
                tasks.create_task(listener.run(logs))
            await self.housekeeping.run()

    async def close(self, grace_seconds: float) -> None:
        """Stop: turns that can end within the grace end, the others go on at the next start."""
        self.live.stopping = True
        self.index.settle()
        await self._adopting.stop()
        await self.live.finish(grace_seconds)
        await bounded(SAVE_SECONDS, best_effort(self.housekeeping.tick_index()))
        await self.live.release()

"""The sessions in memory: the one place that opens, replaces and closes them, each under its lock.

A session is opened on the first request for it, and unloaded when it was idle for long. Creating, opening, adopting,
repairing, unloading and deleting a session exclude each other.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from duragent.errors import Damaged, DuragentError, LogChanged, NotDamaged, NotNow, Stopping, Unavailable
from duragent.journal.apply import reduce
from duragent.journal.inputs import Input
from duragent.journal.record import crc_seed, encode, timestamp
from duragent.journal.state import SessionState
from duragent.kept_texts import drop_kept_texts
from duragent.session.create import NewSession, first_records
from duragent.session.index import Index
from duragent.session.locks import SessionLocks
from duragent.session.tasks import HANG_SECONDS, bounded
from duragent.shield import shielded
from duragent.stores.base import Claim
from duragent.turn.ports import Ports

if TYPE_CHECKING:
    from duragent.session.redact import Redact, RedactedLog
    from duragent.session.session import Receipt, Session

FINISH_SECONDS = 2.0
"""The longest wait for sessions at a stop, beyond the grace."""


class LiveSessions:
    """Sessions by id. Iterating gives those in memory now; they may be opened and closed meanwhile."""

    stopping: bool
    """The server stops: no session is opened any more, and no input is taken."""

    def __init__(self, ports: Ports, index: Index) -> None:
        self._ports, self._index = ports, index
        self._sessions: dict[str, Session] = {}
        self._locks = SessionLocks()
        self.stopping = False

    def __iter__(self) -> "Iterator[Session]":
        return iter(list(self._sessions.values()))

    def get(self, session_id: str) -> "Session | None":
        """The session if it is in memory."""
        return self._sessions.get(session_id)

    def refuse_when_stopping(self) -> None:
        """Raises Stopping when the server stops."""
        if self.stopping:
            raise Stopping

    async def post(self, session_id: str, posted: Input) -> "Receipt":
        """See `Session.post`. Raises SessionNotFound, Stopping too."""
        self.refuse_when_stopping()
        return await (await self.open(session_id)).post(posted)

    # --- open -------------------------------------------------------------------------------------------------------

    async def open(self, session_id: str) -> "Session":
        """The session, loaded if it is not in memory. One that the disk failed is opened again.

        Raises SessionNotFound, Unavailable; Stopping when it is not in memory and the server stops.
        """
        session = self._sessions.get(session_id)
        if session is None:
            self.refuse_when_stopping()
        if session is None or isinstance(session.problem, Unavailable):
            session = await shielded(self._open(session_id))
            if self._sessions.get(session_id) is not session:
                # It was unloaded or deleted before this task ran again.
                return await self.open(session_id)
        session.last_used = self._ports.clock.monotonic()
        return session

    async def _open(self, session_id: str) -> "Session":
        async with self._locks(session_id):
            session = self._sessions.get(session_id)
            if session is not None and isinstance(session.problem, Unavailable):
                # The disk failed it; perhaps the cause is gone. If not, it stays what it is.
                await session.finish(0)
                session = None
            return session or await self._load(session_id)

    async def _load(self, session_id: str) -> "Session":
        """Claim the log, recover its state, and let the session go on. The caller holds the lock."""
        # As in `_session`: a server without sessions does not need these.
        from duragent.session.fold import SESSION_FOLD
        from duragent.streams.recovery import recover

        claim = await self._ports.store.claim(session_id)
        try:
            state = await recover(self._ports.store, claim, SESSION_FOLD)
            # `finish` would not know of it, and would not stop what is posted to it.
            self.refuse_when_stopping()
        except BaseException:
            await self._ports.store.release(claim)
            raise
        session = self._sessions[session_id] = self._session(claim, state)
        self.note(session)
        for listener in self._ports.listeners:
            # What could not be read before may be readable now.
            listener.told(session_id, state.seq)
        session.go_on()
        return session

    def _session(self, claim: Claim, state: SessionState) -> "Session":
        # The first one takes with it all that turns need, which a server without sessions does not.
        from duragent.session.session import Session

        return Session(self._ports, claim, state, self.note)

    async def reopen(self, session: "Session") -> None:
        """Load it afresh from its log, unless another one has taken its place."""
        async with self._locks(session.id):
            if self._sessions.get(session.id) is session:
                await session.finish(0)
                await self._load(session.id)

    @asynccontextmanager
    async def borrow(self, session_id: str) -> "AsyncIterator[Session]":
        """The session, opened for the block only: it is unloaded afterwards if it was not in memory before.

        It stays in memory when another caller used it meanwhile, and when the block raises.
        """
        was_open = session_id in self._sessions
        session = await self.open(session_id)
        opened_at = session.last_used
        yield session
        if not was_open and session.last_used == opened_at:
            await self.unload(session)

    def note(self, session: "Session") -> None:
        """Put the session's newest state and problem into the list."""
        self._index.put(session.state, str(session.problem) if session.problem else None)

    # --- come and go ------------------------------------------------------------------------------------------------

    async def create(self, session_id: str, new: NewSession) -> SessionState:
        """A new session. Raises SessionExists, AgentNotFound, AgentBroken."""
        ts, seed = timestamp(self._ports.clock.now()), crc_seed(session_id)
        records = first_records(new, self._ports.agents.get(new.agent), ts, self._ports.node)
        async with self._locks(session_id):
            claim = await self._ports.store.create(session_id, [encode(record, seed).line for record in records])
            session = self._session(claim, reduce(SessionState(session_id), records))
            self._sessions[session_id] = session
        self.note(session)
        return session.state

    async def adopt(
        self, session_id: str, lines: AsyncIterator[Sequence[bytes]], blobs: AsyncIterator[tuple[str, bytes]]
    ) -> None:
        """Take in a log that comes from elsewhere; see `Store.adopt`. Raises SessionExists."""
        async with self._locks(session_id):
            await self._ports.store.adopt(session_id, lines, blobs)

    async def unload(self, session: "Session") -> None:
        """Close it and forget it, if it is idle; a session with a problem stays, so that the problem stays known."""
        async with self._locks(session.id):
            troubled = isinstance(session.problem, Damaged | Unavailable)
            if session.busy or troubled or self._sessions.get(session.id) is not session:
                return
            # A caller of `open` waits for the lock from here on, and opens it again.
            del self._sessions[session.id]
            await session.finish(0)
            await self._ports.store.release(session.claim)
            await self._remove_temporary(session.id)

    async def remove_temporary(self, session_id: str) -> None:
        """Remove the /tmp of a session's commands, if the session is not in memory."""
        async with self._locks(session_id):
            if session_id not in self._sessions:
                await self._remove_temporary(session_id)

    async def _remove_temporary(self, session_id: str) -> None:
        """The caller holds the lock, so that no command begins meanwhile."""
        folders = self._ports.workbench.temporary
        if folders is not None:
            await asyncio.to_thread(folders.remove, session_id)

    async def delete(self, session: "Session", head: int | None = None) -> None:
        """Remove it for good, whatever it is doing. Raises what `Store.delete` raises; it goes on then if it can.

        `head`: only while that is its newest record and nothing is under way; else NotNow.
        """
        async with self._locks(session.id):
            # It may have been opened again while this task waited. Callers of `open` wait for the lock from here on.
            session = self._sessions.get(session.id, session)
            if head is not None:
                _refuse_if_used(session, head)
            self._sessions.pop(session.id, None)
            session.writer.deleting = True
            try:
                await self._ports.store.delete(session.id)
            except BaseException:
                session.writer.deleting = False
                if session.claim.over or session.stopping:
                    await session.retire()
                else:
                    self._sessions[session.id] = session
                raise
            await session.retire()
            drop_kept_texts()
            self._index.drop(session.id)
            for listener in self._ports.listeners:
                listener.told(session.id, 0)
            await self._remove_temporary(session.id)

    async def repair(self, session: "Session") -> None:
        """See `Sessions.repair`. The session is not in memory afterwards."""
        from duragent.session.repair import damage_of, mend

        async with self._locks(session.id):
            session = self._sessions.get(session.id, session)
            damage = await damage_of(session, self._ports.store)
            if damage is None:
                if session.stopping:
                    await self._load(session.id)
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
                again = await self._load(session.id)
                again.problem = again.problem or damage
                self.note(again)
                raise
            # End what it started: none of its calls is open any more.
            await self._sessions.pop(session.id, session).retire()

    async def redact(self, session: "Session", asked: "Redact") -> "RedactedLog":
        """See `session.redact`. Its watchers reconnect, and find another log under the id."""
        from duragent.session.redact import LogRedaction, RedactedLog

        async with self._locks(session.id):
            session = self._sessions.get(session.id, session)
            _refuse_unless_still(session)
            if not asked.dry_run:
                # Callers of `open` wait for the lock from here on, so that they get the one log or the other.
                self._sessions.pop(session.id, None)
                await session.finish(0)
            try:
                _refuse_unless_still(session)
                made = LogRedaction(session.log, session.state, asked, timestamp(self._ports.clock.now()))
                await made.plan()
                if not asked.dry_run:
                    await self._ports.store.replace(session.claim, made.lines(), made.blobs())
                    self._index.drop(session.id)
                    await self._remove_temporary(session.id)
            finally:
                if not asked.dry_run:
                    await self._load(session.id)
        return RedactedLog(tuple(made.seqs), made.left)

    # --- the stop ---------------------------------------------------------------------------------------------------

    async def finish(self, grace_seconds: float) -> None:
        """Let turns end within the grace, and stop the others; they go on at the next start."""
        finishing = [session.finish(grace_seconds) for session in self]
        await bounded(grace_seconds + FINISH_SECONDS, *finishing)

    async def release(self) -> None:
        """Give all claims back and forget the sessions; `finish` comes first."""
        await bounded(HANG_SECONDS, *(self._ports.store.release(session.claim) for session in self))
        self._sessions.clear()


def _refuse_unless_still(session: "Session") -> None:
    """Raises its problem, and NotNow when anything is under way."""
    if session.problem is not None:
        raise session.problem
    _refuse_if_used(session, session.state.seq)


def _refuse_if_used(session: "Session", head: int) -> None:
    """Raises NotNow when it has gone on since that record, or is not at the end of what it does."""
    state = session.state
    if head != state.seq:
        raise NotNow(f"session '{session.id}' has gone on: its newest record is {state.seq}, not {head}")
    # A long command writes nothing meanwhile; and in a closed session a turn may still be under way.
    if session.problem is None and (state.turn is not None or state.has_work):
        raise NotNow(f"session '{session.id}' is at work, or waits for a person")

"""What one session's tools may read of the others; see `turn.ports.Others`."""

from collections.abc import Sequence
from typing import Protocol

from duragent.journal.record import Record
from duragent.journal.state import SessionState


class AllSessions(Protocol):
    """`Sessions`, as far as it is needed here."""

    async def state(self, session_id: str) -> SessionState: ...
    async def list(
        self, *, agent: str | None = None, limit: int = 50
    ) -> tuple["Sequence[SessionState]", str | None]: ...
    async def read_back(self, session_id: str, before: int | None, limit: int) -> bytes: ...
    async def records(self, session_id: str, lines: bytes) -> "Sequence[Record]": ...


class OtherSessions:
    """All sessions, only to read."""

    def __init__(self, sessions: AllSessions) -> None:
        self._sessions = sessions

    async def of_agent(self, agent: str, limit: int) -> Sequence[SessionState]:
        """The last changed first."""
        return (await self._sessions.list(agent=agent, limit=limit))[0]

    async def state(self, session_id: str) -> SessionState:
        """Raises SessionNotFound."""
        return await self._sessions.state(session_id)

    async def records_back(self, session_id: str, before: int | None, limit: int) -> list[Record]:
        """Oldest first: the newest with seq < `before` (None: of all). Raises SessionNotFound."""
        return list(await self._sessions.records(session_id, await self._sessions.read_back(session_id, before, limit)))

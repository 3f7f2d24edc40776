"""One session's stored log, for who makes an earlier request again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.journal.record import Record

if TYPE_CHECKING:
    from duragent.session.sessions import Sessions


@dataclass(frozen=True, slots=True)
class SessionsLog:
    """See `turn.rebuild.StoredLog`."""

    sessions: "Sessions"
    """All sessions."""
    session_id: str
    """The one that is read."""

    async def lines(self, after: int, limit: int) -> bytes:
        return await self.sessions.read(self.session_id, after, limit)

    async def read_records(self, after: int, limit: int) -> list[Record]:
        return await self.sessions.records(self.session_id, await self.lines(after, limit))

    async def blob(self, sha256: str) -> bytes:
        return await self.sessions.blob(self.session_id, sha256)

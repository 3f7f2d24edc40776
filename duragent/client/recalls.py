"""What an agent's memory gave for the messages of a session, as methods of `Client`."""

from duragent.client.copies import SessionCopies
from duragent.client.transport import session_path
from duragent.wire import RecallList, SentRequest


class SessionRecalls(SessionCopies):
    """The part of `Client` about searches in memory, and what came of them."""

    async def sent_request(self, session_id: str, *, at: int | None = None) -> SentRequest:
        """The newest request at or before that record, made again from the log; None: the newest of all."""
        return await self._http.get(SentRequest, f"{session_path(session_id)}/context", {"at": at})

    async def recalls(
        self, session_id: str, *, seq: int | None = None, before: int | None = None, limit: int | None = None
    ) -> RecallList:
        """The searches of a session, the newest first; with `seq` that of one record or message alone."""
        asked = {"seq": seq, "before": before, "limit": limit}
        return await self._http.get(RecallList, f"{session_path(session_id)}/recalls", asked)

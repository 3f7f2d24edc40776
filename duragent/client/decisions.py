"""What people are asked, and what they allow, as methods of `Client`."""

from collections.abc import Sequence

from duragent.client.copies import SessionCopies
from duragent.client.transport import session_path
from duragent.wire import Accepted, ApprovalList, Decide, Revoke, Revoked


class SessionDecisions(SessionCopies):
    """The part of `Client` that asks for open questions, and answers them without waiting for what comes of it."""

    async def approvals(self, *, agent: str | None = None, session_id: str | None = None) -> ApprovalList:
        """What people are asked, the oldest first."""
        return await self._http.get(ApprovalList, "/api/v1/approvals", {"agent": agent, "session_id": session_id})

    async def post_decision(self, session_id: str, decision: Decide, *, key: str | None = None) -> Accepted:
        """As `decide`, but returns when the decision is durable; what comes of it comes on `watch`."""
        headers = {"Prefer": "respond-async"}
        response = await self._http.post(f"{session_path(session_id)}/approve", decision, key=key, headers=headers)
        return self._http.parse(Accepted, response)

    async def revoke(self, session_id: str, patterns: Sequence[str], by: str = "") -> Revoked:
        """Have the session ask again about what was allowed until it ends. What it does not allow changes nothing."""
        body = Revoke(patterns=list(patterns), by=by)
        return self._http.parse(Revoked, await self._http.post(f"{session_path(session_id)}/revoke", body))

"""What the model is shown of a session's past, and what is kept in sight, as methods of `Client`."""

from urllib.parse import quote

from duragent.client.files import SessionFiles
from duragent.client.transport import Request, session_path
from duragent.wire import AimAt, Outcome, PinRecord, SessionView


class SessionViews(SessionFiles):
    """The part of `Client` that is about summaries, pinned records and goals. All of it answers how things are then."""

    async def view(self, session_id: str) -> SessionView:
        """What stands for the older records of the session."""
        return await self._http.get(SessionView, f"{session_path(session_id)}/view")

    async def pin(self, session_id: str, body: PinRecord) -> SessionView:
        """Keep the beginning of a record in sight."""
        return self._http.parse(SessionView, await self._http.post(f"{session_path(session_id)}/pins", body))

    async def unpin(self, session_id: str, seq: int) -> SessionView:
        """Take a pin away."""
        return await self._removed(f"{session_path(session_id)}/pins/{seq}")

    async def set_goal(self, session_id: str, body: AimAt) -> SessionView:
        """Keep a goal in sight; the same one again changes nothing."""
        return self._http.parse(SessionView, await self._http.post(f"{session_path(session_id)}/goals", body))

    async def end_goal(self, session_id: str, goal: str, outcome: Outcome = "done") -> SessionView:
        """A goal, and all that are parts of it, is reached or given up."""
        return await self._removed(f"{session_path(session_id)}/goals/{quote(goal, safe='')}", outcome)

    async def expand_summary(self, session_id: str, seq: int) -> SessionView:
        """Show the summaries of which the one in record `seq` was made in its place."""
        path = f"{session_path(session_id)}/summaries/{seq}/expand"
        return self._http.parse(SessionView, await self._http.post(path))

    async def _removed(self, path: str, outcome: Outcome | None = None) -> SessionView:
        return self._http.parse(SessionView, await self._http.send(Request("DELETE", path, {"outcome": outcome})))

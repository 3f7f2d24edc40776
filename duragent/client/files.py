"""What an agent changed in files, taking it back, and a person's own command, as methods of `Client`."""

from duragent.client.decisions import SessionDecisions
from duragent.client.transport import ANSWER_SECONDS, session_path
from duragent.wire import Accepted, SessionDiff, TypedCommand, Undone, UndoPlan, UndoTurn


class SessionFiles(SessionDecisions):
    """The part of `Client` that is about the files that agents work on."""

    async def diff(self, session_id: str, *, first: int | None = None, last: int | None = None) -> SessionDiff:
        """What the agent changed, by the records from `first` to `last`."""
        asked = {"first": first, "last": last}
        return await self._http.get(SessionDiff, f"{session_path(session_id)}/diff", asked)

    async def undo_plan(self, session_id: str, turn: str = "", *, force: bool = False) -> UndoPlan:
        """What `undo` would do now; it changes nothing."""
        asked = {"turn": turn or None, "force": "true" if force else None}
        return await self._http.get(UndoPlan, f"{session_path(session_id)}/undo", asked)

    async def undo(self, session_id: str, body: UndoTurn, *, key: str | None = None) -> Undone:
        """Put back what a turn changed; returns when that is done. Sent again, it is done once."""
        response = await self._http.post(f"{session_path(session_id)}/undo", body, key=key, read_seconds=ANSWER_SECONDS)
        return self._http.parse(Undone, response)

    async def run_command(self, session_id: str, body: TypedCommand, *, key: str | None = None) -> Accepted:
        """Run a command where the agent's commands run; what comes of it comes on `watch`."""
        response = await self._http.post(f"{session_path(session_id)}/commands", body, key=key)
        return self._http.parse(Accepted, response)

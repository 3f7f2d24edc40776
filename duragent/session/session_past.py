"""What a tool may read of its own session's records, and which goals it may set."""

from collections.abc import Sequence
from typing import Literal, Protocol

from duragent.context.viewport import HISTORY
from duragent.journal.events import ModelReplied, ToolFinished
from duragent.journal.inputs import EndGoal, Input, SetGoal
from duragent.journal.line import first_seq
from duragent.journal.record import Record
from duragent.journal.said import said_in
from duragent.session.session_reader import ReadableSessions
from duragent.text import cut_to, part_around

BLOCK_RECORDS = 500
SEARCHED_RECORDS = 200_000
"""How far back a search looks."""
RANGE_RECORDS = 2_000
"""How many records of a range are looked at."""


class OwnSessions(ReadableSessions, Protocol):
    """All sessions, as the tools of one of them need them; `Sessions` in a server."""

    async def read(self, session_id: str, after: int, limit: int) -> bytes:
        """Stored lines with seq > `after`, oldest first. Raises SessionNotFound."""
        ...

    async def post(self, session_id: str, posted: Input) -> object:
        """Let an input in; durable on return. Raises what `Session.post` raises."""
        ...


class SessionPast:
    """For the tool `history` of one session. See `tools.past.RecordsPort`."""

    def __init__(self, sessions: OwnSessions, session_id: str) -> None:
        self._sessions, self._session_id = sessions, session_id

    async def search(self, words: Sequence[str], limit: int, most_chars: int) -> Sequence[tuple[int, str, str]]:
        wanted = [word.casefold() for word in words]
        found: list[tuple[int, str, str]] = []
        before, seen = None, 0
        while len(found) < limit and seen < SEARCHED_RECORDS:
            lines = await self._sessions.read_back(self._session_id, before, BLOCK_RECORDS)
            if not lines:
                break
            before, seen = first_seq(lines), seen + BLOCK_RECORDS
            for record in reversed(await self._sessions.records(self._session_id, lines)):
                said = said_in(record.event)
                if (
                    said is not None
                    and not _is_of_history(record)
                    and all(word in said[1].casefold() for word in wanted)
                ):
                    at = said[1].casefold().find(wanted[0]) if wanted else 0
                    found.append((record.seq, said[0], part_around(said[1], max(at, 0), most_chars)))
        return found[:limit]

    async def range(self, first: int, last: int, limit: int, most_chars: int) -> Sequence[tuple[int, str, str]]:
        found: list[tuple[int, str, str]] = []
        after = first - 1
        last = min(last, first + RANGE_RECORDS - 1)
        while after < last and len(found) < limit:
            lines = await self._sessions.read(self._session_id, after, min(BLOCK_RECORDS, last - after))
            records = await self._sessions.records(self._session_id, lines) if lines else ()
            if not records:
                break
            after = records[-1].seq
            for record in records:
                if record.seq <= last and (said := said_in(record.event)) is not None:
                    found.append((record.seq, said[0], cut_to(said[1], most_chars)))
        return found[:limit]


def _is_of_history(record: Record) -> bool:
    """Whether it is a search itself, or what one found."""
    match record.event:
        case ModelReplied() as event:
            return any(call.tool == HISTORY for call in event.calls)
        case ToolFinished() as event:
            return event.tool == HISTORY
        case _:
            return False


class SessionGoals:
    """For the tool `goals` of one session. See `tools.past.GoalsPort`."""

    def __init__(self, sessions: OwnSessions, session_id: str) -> None:
        self._sessions, self._session_id = sessions, session_id

    async def active(self) -> Sequence[tuple[str, str, str]]:
        state = await self._sessions.state(self._session_id)
        return [(goal.goal, goal.parent, goal.text) for goal in state.viewport.coverage.active_goals]

    async def set(self, text: str, parent: str, call: str) -> None:
        await self._sessions.post(self._session_id, SetGoal(text=text, parent=parent, by="agent", call=call))

    async def end(self, goal: str, outcome: Literal["done", "dropped"], call: str) -> None:
        await self._sessions.post(self._session_id, EndGoal(goal=goal, outcome=outcome, by="agent", call=call))

"""What a session's log says of its model: what it sees now, and whose notes it may read.

The law: who may read and write follows from the newest message of a person, and what was seen from the newest question
and all that its summaries stand for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from duragent.agent.load import Agent
from duragent.journal.events import MessageReceived, ModelCalled, ModelReplied
from duragent.journal.record import Record
from duragent.journal.source import is_person
from duragent.journal.state import SessionState
from duragent.memory.base import OWNER, Window
from duragent.memory.scope import Access, access_of, visitor_of
from duragent.session.memory_window import window_of
from duragent.turn.recall import access_in

if TYPE_CHECKING:
    from duragent.session.session_reader import ReadableSessions

PAGE = 500
MOST_RECORDS = 20_000
"""Of a window that has more, the rest counts as something from outside."""
OPENING_RECORDS = 16
MOST_OF_OTHERS = 5_000
"""A longer session is shown to the owner only."""


class SeenSession:
    """One session, as it is now."""

    def __init__(self, sessions: "ReadableSessions", session_id: str, agent: Agent) -> None:
        self._sessions, self._session_id, self._agent = sessions, session_id, agent

    async def window(self) -> Window:
        """What the session's model sees, by who said it."""
        records, whole = await self._shown()
        state = await self._sessions.state(self._session_id)
        replies = [record.seq for record in records if isinstance(record.event, ModelReplied) and record.event.calls]
        window = window_of(records, "", state.gateway or "", self._owners)
        return replace(window, seq=max(replies, default=0), touched=window.touched or not whole)

    async def access(self) -> Access:
        """Whose notes it may read and write."""
        state = await self._sessions.state(self._session_id)
        before: int | None = None
        seen = 0
        while seen < MOST_RECORDS:
            records = await self._back(before, PAGE)
            if not records:
                break
            before, seen = records[0].seq, seen + len(records)
            for record in reversed(records):
                if isinstance(record.event, MessageReceived) and is_person(record.event.source):
                    return access_in(self._agent, state, record.event)
        return access_of(visitor_of(state.source, state.gateway or "", "", state.chat_id, self._owners))

    async def readable(self, others: Sequence[SessionState]) -> list[SessionState]:
        """Those sessions of the agent whose texts this one may read: for the owner all of them.

        In a group those of the group: what its newest sender said in private is for no one else there.
        """
        access = await self.access()
        if access.may_read(OWNER):
            return list(others)
        return [state for state in others if state.session_id == self._session_id or await self._is_of(state, access)]

    async def _is_of(self, state: SessionState, access: Access) -> bool:
        """Whether each message in it belongs to the person or the chat of this one. A very long session is not."""
        lines = await self._sessions.read_back(state.session_id, None, MOST_OF_OTHERS)
        records = await self._sessions.records(state.session_id, lines) if lines else ()
        if not records or records[0].seq > 1:
            return False
        said = [access_in(self._agent, state, event) for event in _of_people(records)]
        return bool(said) and all(each.writes and access.may_write(each.writes[0]) for each in said)

    @property
    def _owners(self) -> tuple[str, ...]:
        access = self._agent.spec.access
        return tuple(access.owners) if access else ()

    async def _shown(self) -> tuple[list[Record], bool]:
        """The records that the newest question showed, those that its summaries stand for, and what came after.

        Also whether that is all of them.
        """
        covered = (await self._sessions.state(self._session_id)).viewport.coverage.boundary > 0
        found: list[Record] = []
        first = 1 if covered else 0
        while len(found) < MOST_RECORDS:
            page = await self._back(found[0].seq if found else None, PAGE)
            found = [*page, *found]
            first = first or _first_shown(page)
            if not page or found[0].seq <= max(first, 1):
                break
        shown = [record for record in found if record.seq >= first]
        return [*await self._opening(first), *shown], not found or found[0].seq <= max(first, 1)

    async def _opening(self, first: int) -> list[Record]:
        """The messages that the running turn is for, where they are older than what is shown of the rest."""
        turn = (await self._sessions.state(self._session_id)).turn
        if turn is None or turn.trigger >= first:
            return []
        before = await self._back(turn.trigger + 1, OPENING_RECORDS)
        return [record for record in before if record.seq == turn.trigger]

    async def _back(self, before: int | None, limit: int) -> Sequence[Record]:
        lines = await self._sessions.read_back(self._session_id, before, limit)
        return await self._sessions.records(self._session_id, lines) if lines else ()


def _of_people(records: Iterable[Record]) -> list[MessageReceived]:
    events = [record.event for record in records]
    return [event for event in events if isinstance(event, MessageReceived) and is_person(event.source)]


def _first_shown(records: Sequence[Record]) -> int:
    """The oldest record that the newest question among these showed; 0 when there is no question."""
    for record in reversed(records):
        if isinstance(record.event, ModelCalled):
            return record.event.first_seq or record.seq
    return 0

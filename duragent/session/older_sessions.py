"""What the tool `history` finds in the other sessions of its agent: by its memory's index, and in their logs.

The law: a session finds what its newest message of a person may read, and only words that are vouched for. It
reads other logs only whole, where every message in them belongs to whom it may read.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from duragent.errors import AmbiguousId, SessionNotFound
from duragent.memory.base import MemoryNote, RecallQuery
from duragent.session.seen_session import SeenSession
from duragent.session.session_past import SessionPast
from duragent.text import part_around
from duragent.tools.past import OlderRecord, SearchedTooLong

if TYPE_CHECKING:
    from duragent.journal.state import SessionState
    from duragent.mind.agent_memory import AgentMemory
    from duragent.session.session_past import OwnSessions

SEARCH_SECONDS = 5.0
SEARCH_TOKENS = 20_000
MOST_LISTED = 1_000
"""So many sessions are looked at for a part of an id."""
MOST_FITTING = 10
"""Of so many that an end of an id fits it is looked whether they may be read."""
SHORT_ID = 6
"""So many characters of an id are shown at least."""


class OlderSessions:
    """An `OlderPort`, for the tool of one session."""

    def __init__(self, memory: Callable[[], "AgentMemory"], sessions: "OwnSessions", session_id: str) -> None:
        """`memory` is called on the event loop, when the tool is used."""
        self._memory, self._sessions, self._session_id = memory, sessions, session_id

    async def search(self, query: str, limit: int, most_chars: int) -> Sequence[OlderRecord]:
        try:
            async with asyncio.timeout(SEARCH_SECONDS):
                memory = self._memory()
                access = await self._seen(memory).access()
                asked = RecallQuery(
                    query,
                    access.reads,
                    limit=limit,
                    budget_tokens=SEARCH_TOKENS,
                    session_id=self._session_id,
                    only_said=True,
                )
                recalled = await memory.search(asked, SEARCH_SECONDS)
                if recalled.silent == "late":
                    raise SearchedTooLong
                # With vectors, what has none of the words may still mean the same; without them its neighbours do.
                shown = [each for each in recalled.candidates if not each.left_out]
                found = [each.note for each in shown if each.own or recalled.embedder]
                words = query.split()
                return [_found(note, await self._short(memory, note.file), words, most_chars) for note in found]
        except TimeoutError:
            raise SearchedTooLong from None

    async def range(
        self, session: str, first: int, last: int, limit: int, most_chars: int
    ) -> Sequence[tuple[int, str, str]]:
        memory = self._memory()
        fitting = await self._seen(memory).readable((await self._ending_so(memory, session))[:MOST_FITTING])
        if len(fitting) != 1:
            matches = [state.session_id for state in fitting]
            raise AmbiguousId(session, matches) if fitting else SessionNotFound(session)
        past = SessionPast(self._sessions, fitting[0].session_id)
        return await past.range(first, last, limit, most_chars)

    def _seen(self, memory: "AgentMemory") -> SeenSession:
        return SeenSession(self._sessions, self._session_id, memory.agent)

    async def _ending_so(self, memory: "AgentMemory", end: str) -> Sequence["SessionState"]:
        found, _ = await self._sessions.list(agent=memory.agent.name, match=end, limit=MOST_LISTED)
        return [state for state in found if state.session_id.endswith(end)]

    async def _short(self, memory: "AgentMemory", session_id: str) -> str:
        """The end of the id, as long as no other session of the agent ends so."""
        length = SHORT_ID
        while length < len(session_id) and len(await self._ending_so(memory, session_id[-length:])) > 1:
            length += 1
        return session_id[-length:]


def _found(note: MemoryNote, session: str, words: Sequence[str], most_chars: int) -> OlderRecord:
    """`words`: those that were searched for."""
    text, folded = " ".join(note.text.split()), note.text.casefold()
    at = next((place for word in words if (place := folded.find(word.casefold())) >= 0), 0)
    who = "user" if note.trust == "owner" else "agent"
    return OlderRecord(session, note.line, who, note.written_at[:10], part_around(text, at, most_chars))

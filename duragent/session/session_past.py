"""What a tool may read of its own session's records, and which goals it may set."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from duragent.context.viewport import HISTORY
from duragent.errors import Damaged
from duragent.journal.events import ModelReplied, ToolFinished
from duragent.journal.inputs import EndGoal, Input, SetGoal
from duragent.journal.line import first_seq, split_lines
from duragent.journal.record import Record, blob_names, crc_seed, decode
from duragent.journal.said import said_in
from duragent.journal.state import SessionState
from duragent.session.session_reader import ReadableSessions
from duragent.text import cut_to, part_around
from duragent.tools.past import SearchedRecords

BLOCK_RECORDS = 500
SEARCH_SECONDS = 5.0
"""After so long a search looks at no more records."""
RANGE_RECORDS = 2_000
"""How many records of a range are looked at."""
LOST = b"[the text is lost]"
"""In place of a text that is not there any more."""


class OwnSessions(ReadableSessions, Protocol):
    """All sessions, as the tools of one of them need them; `Sessions` in a server."""

    async def read(self, session_id: str, after: int, limit: int) -> bytes:
        """Stored lines with seq > `after`, oldest first. Raises SessionNotFound."""
        ...

    async def list(
        self, *, agent: str | None = None, match: str | None = None, limit: int = 50
    ) -> tuple["Sequence[SessionState]", str | None]:
        """The last changed first, those whose ids have `match` in them, and from where the list goes on."""
        ...

    async def post(self, session_id: str, posted: Input) -> object:
        """Let an input in; durable on return. Raises what `Session.post` raises."""
        ...


class SessionPast:
    """For the tool `history` of one session. See `tools.past.RecordsPort`."""

    def __init__(self, sessions: OwnSessions, session_id: str) -> None:
        self._sessions, self._session_id = sessions, session_id

    async def search(self, words: Sequence[str], limit: int, most_chars: int) -> SearchedRecords:
        wanted, loop = [word.casefold() for word in words], asyncio.get_running_loop()
        found: list[tuple[int, str, str]] = []
        before, until = None, loop.time() + SEARCH_SECONDS
        while len(found) < limit:
            lines = await self._sessions.read_back(self._session_id, before, BLOCK_RECORDS)
            if not lines:
                break
            before = first_seq(lines)
            texts = await self._texts(lines)
            found += await asyncio.to_thread(self._found_in, lines, texts, wanted, most_chars)
            if loop.time() >= until and len(found) < limit:
                return SearchedRecords(found, before - 1)
        return SearchedRecords(found[:limit])

    def _found_in(
        self, lines: bytes, texts: Mapping[str, bytes], wanted: Sequence[str], most_chars: int
    ) -> list[tuple[int, str, str]]:
        """The newest first. For a thread."""
        records = [record for record in self._decoded(lines, texts) if not _is_of_history(record)]
        said = [(record.seq, *who_and_what) for record in reversed(records) if (who_and_what := said_in(record.event))]
        return [
            (seq, who, part_around(text, max(folded.find(wanted[0]), 0) if wanted else 0, most_chars))
            for seq, who, text in said
            if (folded := text.casefold()) is not None and all(word in folded for word in wanted)
        ]

    async def range(self, first: int, last: int, limit: int, most_chars: int) -> Sequence[tuple[int, str, str]]:
        found: list[tuple[int, str, str]] = []
        after = first - 1
        last = min(last, first + RANGE_RECORDS - 1)
        while after < last and len(found) < limit:
            lines = await self._sessions.read(self._session_id, after, min(BLOCK_RECORDS, last - after))
            texts = await self._texts(lines)
            records = await asyncio.to_thread(lambda: list(self._decoded(lines, texts)))  # noqa: B023 - awaited here
            if not records:
                break
            after = records[-1].seq
            for record in records:
                if record.seq <= last and (said := said_in(record.event)) is not None:
                    found.append((record.seq, said[0], cut_to(said[1], most_chars)))
        return found[:limit]

    async def _texts(self, lines: bytes) -> dict[str, bytes]:
        """The texts that were moved out of these lines."""
        texts: dict[str, bytes] = {}
        for name in blob_names(lines):
            try:
                texts[name] = await self._sessions.blob(self._session_id, name)
            except Damaged:
                texts[name] = LOST
        return texts

    def _decoded(self, lines: bytes, texts: Mapping[str, bytes]) -> Iterable[Record]:
        seed = crc_seed(self._session_id)
        return (decode(line, seed, texts.__getitem__) for line in split_lines(lines))


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

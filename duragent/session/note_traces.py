"""What sessions have of notes: texts that they were given of them, which can be removed, and what was said.

The law of this file: it reads each log once and changes none; what is removed goes through the session itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import TYPE_CHECKING

from duragent.errors import Damaged, SessionNotFound, Unavailable
from duragent.journal.events import MemoryRecalled, Opaque
from duragent.journal.forgotten import FORGOTTEN_BYTES, forgettable_in, moved_out_in
from duragent.journal.inputs import Forget
from duragent.journal.line import last_seq, split_lines
from duragent.journal.record import Record, blob_names, blobs_of
from duragent.mind.forgetting import SessionTrace, Sought

if TYPE_CHECKING:
    from duragent.session.sessions import Sessions

AT_ONCE = 256
"""Lines that are read at once."""
PAGE = 200
"""Sessions that are listed at once."""


class NoteTraces:
    """The `SessionTexts` of all sessions."""

    def __init__(self, sessions: "Callable[[], Sessions]", names_of: Callable[[str], Collection[str]]) -> None:
        """`names_of` gives all names that an agent has had."""
        self._made, self._names_of = sessions, names_of

    @property
    def _sessions(self) -> "Sessions":
        return self._made()

    async def traces(self, agent: str, wanted: Sought) -> Sequence[SessionTrace]:
        """See `SessionTexts`."""
        found = []
        async for session_id in self._of(agent):
            try:
                trace = await self._trace(session_id, wanted)
            except SessionNotFound:
                continue  # deleted meanwhile
            except (Damaged, Unavailable) as error:
                trace = SessionTrace(session_id, fault=str(error))
            if trace.given or trace.said or trace.fault:
                found.append(trace)
        return found

    async def _of(self, agent: str) -> AsyncIterator[str]:
        cursor, seen, names = None, set[str](), self._names_of(agent) if agent else ()
        while True:
            page, cursor = await self._sessions.list(limit=PAGE, cursor=cursor)
            for state in page:
                seen.add(state.session_id)
                if not agent or state.agent in names:
                    yield state.session_id
            if cursor is None:
                break
        # Whose these are is not known. They have none of it when they are another agent's.
        for session_id in sorted({*self._sessions.unread(), *self._sessions.damaged()} - seen):
            yield session_id

    async def _trace(self, session_id: str, wanted: Sought) -> SessionTrace:
        given, said, after = dict[str, None](), list[int](), 0
        head = (await self._sessions.state(session_id)).seq
        while after < head and (lines := await self._sessions.read(session_id, after, AT_ONCE)):
            blobs = {name: await self._sessions.blob(session_id, name) for name in blob_names(lines)}
            records = await self._sessions.records(session_id, lines)
            for record in records:
                for name in blobs_of(b"", record.event) - blobs.keys():
                    blobs[name] = await self._sessions.blob(session_id, name)
            more, where = await asyncio.to_thread(_found, lines, records, blobs, wanted)
            given |= dict.fromkeys(more)
            said += where
            after = last_seq(lines)
        return SessionTrace(session_id, tuple(given), tuple(said))

    async def remove(self, trace: SessionTrace, by: str, reason: str) -> None:
        """See `SessionTexts`."""
        after, names = 0, set(trace.given)
        head = (await self._sessions.state(trace.session_id)).seq
        while names and after < head and (lines := await self._sessions.read(trace.session_id, after, AT_ONCE)):
            fields = tuple(each for each in moved_out_in(lines) if each.sha256 in names)
            if fields:
                await self._sessions.post(trace.session_id, Forget(fields=fields, by=by, reason=reason))
            after = last_seq(lines)


def _found(
    lines: bytes, records: Sequence[Record], blobs: dict[str, bytes], wanted: Sought
) -> tuple[list[str], list[int]]:
    """The blobs that can be removed, and the other records with it."""
    holds = {name: _holds(data, wanted) for name, data in blobs.items()}
    forgettable: dict[int, set[str]] = {}
    for text in forgettable_in(lines):
        forgettable.setdefault(text.seq, set()).add(text.sha256)
    given, said = list[str](), list[int]()
    for line, record in zip(split_lines(lines), records, strict=True):
        can_go = forgettable.get(record.seq, set())
        shown = isinstance(record.event, MemoryRecalled) and any(
            item.ref in wanted.notes for item in record.event.items if not item.left_out
        )
        for name in sorted(can_go):
            if blobs[name] != FORGOTTEN_BYTES and (shown or holds[name] or name in wanted.sha256s):
                given.append(name)
        others = blobs_of(line, record.event) - can_go
        if not isinstance(record.event, Opaque) and (
            wanted.finds(line.decode("utf-8", "replace")) or any(holds.get(name, False) for name in others)
        ):
            said.append(record.seq)
    return given, said


def _holds(data: bytes, wanted: Sought) -> bool:
    return data != FORGOTTEN_BYTES and wanted.finds(data.decode("utf-8", "replace"))

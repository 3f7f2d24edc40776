"""What agents remember, as methods of `Client`. `worldMemory` as the agent's name is what all agents share."""

from urllib.parse import quote

from duragent.client.copies import SessionCopies
from duragent.client.transport import ANSWER_SECONDS, Request
from duragent.wire import (
    AddNote,
    ForgetMemory,
    ForgottenMemory,
    ForgottenNote,
    ImportedMemory,
    ImportMemory,
    MemoryIndexInfo,
    MemoryRepaired,
    MemoryUndone,
    MemoryUndoPlan,
    MemoryWork,
    MindRecords,
    NoteInfo,
    NoteList,
    NoteSearch,
    Reviewed,
    ReviewNote,
    UndoMemory,
)


def _path(agent: str, *parts: str) -> str:
    return "/".join((f"/api/v1/agents/{quote(agent, safe='')}/memory", *(quote(part, safe="") for part in parts)))


class AgentNotes(SessionCopies):
    """The part of `Client` about what agents remember."""

    async def notes(
        self,
        agent: str,
        *,
        file: str | None = None,
        trust: str | None = None,
        match: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
    ) -> NoteList:
        """The newest first; `match` is any part of an id."""
        asked = {"file": file, "trust": trust, "match": match, "limit": limit, "skip": skip}
        return await self._http.get(NoteList, _path(agent, "notes"), asked)

    async def note(self, agent: str, note: str) -> NoteInfo:
        return await self._http.get(NoteInfo, _path(agent, "notes", note))

    async def add_note(self, agent: str, note: AddNote, *, key: str | None = None) -> NoteInfo:
        """Write a note; with the same key again it is written once."""
        return self._http.parse(NoteInfo, await self._http.post(_path(agent, "notes"), note, key=key))

    async def forget_note(self, agent: str, note: str, by: str = "", reason: str = "") -> ForgottenNote:
        """Forget it for good. What an earlier attempt of this very request forgot is no error."""
        asked = {"by": by, "reason": reason}
        request = Request("DELETE", _path(agent, "notes", note), asked, read_seconds=ANSWER_SECONDS)
        response = await self._http.send(request)
        if response.status_code == 404:
            return ForgottenNote(note=note, left=[])
        return self._http.parse(ForgottenNote, response)

    async def forget_memory(self, agent: str, what: ForgetMemory) -> ForgottenMemory:
        """Forget for good all that it names, or only say what that would be."""
        response = await self._http.post(_path(agent, "forget"), what, read_seconds=ANSWER_SECONDS)
        return self._http.parse(ForgottenMemory, response)

    async def review_note(self, agent: str, note: str, review: ReviewNote) -> Reviewed:
        """Decide about a note that waits; the same decision again is done already."""
        return self._http.parse(Reviewed, await self._http.post(_path(agent, "notes", note, "review"), review))

    async def import_memory(self, agent: str, what: ImportMemory) -> ImportedMemory:
        """Take in what another program remembered; again it is there already."""
        response = await self._http.post(_path(agent, "import"), what, read_seconds=ANSWER_SECONDS)
        return self._http.parse(ImportedMemory, response)

    async def search_notes(self, agent: str, words: str, limit: int | None = None) -> NoteSearch:
        return await self._http.get(NoteSearch, _path(agent, "search"), {"q": words, "limit": limit})

    async def memory_index(self, agent: str) -> MemoryIndexInfo:
        """Compare the index with the notes."""
        return await self._http.get(MemoryIndexInfo, _path(agent, "index"))

    async def rebuild_index(self, agent: str) -> MemoryIndexInfo:
        response = await self._http.post(_path(agent, "index"), read_seconds=ANSWER_SECONDS)
        return self._http.parse(MemoryIndexInfo, response)

    async def memory_log(self, agent: str, *, before: int | None = None, limit: int | None = None) -> MindRecords:
        """The newest records of the memory's log."""
        return await self._http.get(MindRecords, _path(agent, "log"), {"before": before, "limit": limit})

    async def repair_memory(self, agent: str) -> MemoryRepaired:
        """Let the damaged log of a memory go on behind its last good record."""
        return self._http.parse(MemoryRepaired, await self._http.post(_path(agent, "repair")))

    async def memory_undo_plan(self, agent: str, file: str | None = None) -> MemoryUndoPlan:
        return await self._http.get(MemoryUndoPlan, _path(agent, "undo"), {"file": file})

    async def undo_memory(self, agent: str, undo: UndoMemory) -> MemoryUndone:
        """Put a file back as the plan says; again it is done already."""
        return self._http.parse(MemoryUndone, await self._http.post(_path(agent, "undo"), undo))

    async def memory_work(self, agent: str) -> MemoryWork:
        """What work in the background has used today."""
        return await self._http.get(MemoryWork, _path(agent, "work"))

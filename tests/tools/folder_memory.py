"""A memory in a folder as the tool sees it, without a log: for tests of the tool."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from duragent.errors import MemoryChanged, NotFound
from duragent.memory.base import OWNER, MemoryNote, NewNote, Scope, Window, WrittenNote
from duragent.memory.folder import FileText, MemoryFolder, Saved, difference
from duragent.memory.legacy_text import recall_text
from duragent.memory.notes import LONG_TERM
from duragent.memory.scope import OWNER_VISIT, Visitor, access_of
from duragent.memory.trust import share
from duragent.memory.writes import (
    call_note_id,
    find_note,
    planned_note,
    titled,
    topic_file,
    whole_text,
    with_note,
    without_note,
)
from duragent.stores.files.disk import Disk

NOW = datetime(2026, 11, 21, 14, 32, tzinfo=UTC)


class FolderMemory:
    """A `MemoryPort` of one session. What the session's model sees is given by `seen`."""

    def __init__(self, root: Path, seen: Window | None = None, visitor: Visitor = OWNER_VISIT) -> None:
        zone = ZoneInfo("UTC")
        self.own = MemoryFolder(root / "memory", zone, Disk())
        self.world = MemoryFolder(root / "world", zone, Disk(), is_world=True)
        self.seen, self.access = seen or Window(seq=41), access_of(visitor)
        self._read = {LONG_TERM: FileText(LONG_TERM, "", "")}
        self.reinforced: list[tuple[str, str]] = []
        self.gone: dict[str, WrittenNote] = {}

    async def window(self) -> Window:
        return self.seen

    async def reads(self) -> tuple[Scope, ...]:
        return self.access.reads

    async def writes(self) -> tuple[Scope, ...]:
        return self.access.writes

    async def recall_text(self, days: int) -> str:
        own = self.own if self.access.may_read(OWNER) else None
        return recall_text(own, self.world, NOW.date(), days)

    async def search(self, query: str, limit: int) -> Sequence[MemoryNote]:
        return [note for note in self._notes() if share(query, [note.text]) > 0][:limit]

    async def note(self, note: str) -> MemoryNote | None:
        return next((each for each in self._notes() if each.id == note), None)

    async def remember(self, new: NewNote, call: str) -> WrittenNote:
        return self._added(new)

    async def reinforce(self, note: str, call: str) -> None:
        self.reinforced.append((note, call))

    async def long_term(self) -> str:
        self._read[LONG_TERM] = self.own.read(LONG_TERM)
        return self._read[LONG_TERM].text

    async def reflect(self, content: str, call: str) -> WrittenNote:
        saved = self._replaced(self.own, self._read[LONG_TERM], content)
        await self.long_term()
        return WrittenNote(saved.file, theirs=saved.theirs)

    async def update_world(self, topic: str, content: str, call: str) -> WrittenNote:
        file = topic_file(self.world, topic)
        seen = self._read.get(file) or self.world.read(file)
        self._read[file] = seen
        saved = self._replaced(self.world, seen, titled(topic, content))
        self._read[file] = self.world.read(file)
        return WrittenNote(saved.file)

    async def propose(self, file: str, new: NewNote, call: str) -> WrittenNote:
        return self._added(new)

    async def forget(self, note: str, call: str) -> WrittenNote:
        found = find_note(self.own, note)
        if found is None:
            raise NotFound(f"there is no note {note}")
        before = self.own.read(found.note.file)
        self.own.write(before.file, without_note(before, note, self.own.zone) or "", before.sha256)
        self.gone[call] = WrittenNote(before.file, note)
        return self.gone[call]

    async def forgotten(self, note: str, call: str) -> WrittenNote | None:
        return self.gone.get(call)

    def _added(self, new: NewNote) -> WrittenNote:
        note = planned_note(new, call_note_id(new), NOW)
        before = self.own.read(note.file)
        text = with_note(before, note, NOW, self.own.zone)
        if text is not None:
            self.own.write(note.file, text, before.sha256)
        return WrittenNote(note.file, note.id)

    def _replaced(self, folder: MemoryFolder, seen: FileText, content: str) -> Saved:
        now, text = folder.read(seen.file), whole_text(content)
        if now.text == text:
            return Saved(seen.file, folder.path(seen.file), now.sha256, now.sha256)
        if now.sha256 != seen.sha256:
            raise MemoryChanged(seen.file, now.text, difference(seen.text, now.text, seen.file))
        return folder.write(seen.file, text, seen.sha256)

    def _notes(self) -> list[MemoryNote]:
        notes = (*self.own.read_all().notes, *self.world.read_all().notes)
        return [note for note in notes if note.trust != "unreviewed" and self.access.may_read(note.scope)]

"""The writes of a memory, as changes of its files: each may be done again, and is then as if done once.

The law: what is recorded of a write is done by the caller. Everything here blocks on the disk.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from duragent.errors import MemoryChanged, NotFound
from duragent.memory.base import MemoryNote, NewNote
from duragent.memory.folder import FileText, MemoryFolder, Saved, difference
from duragent.memory.notes import (
    LONG_TERM,
    UNREVIEWED,
    PlacedNote,
    appended,
    file_for,
    made_note,
    note_id,
    placed_notes,
    without,
)
from duragent.memory.topics import is_plain, title_of, topic_stem


@dataclass(frozen=True, slots=True)
class AddedNote:
    """A note, and the write that put it where it is."""

    note: MemoryNote
    """The note as it stands in its file."""
    saved: Saved | None
    """None when the call had written it already."""
    before: str = ""
    """The file's text before it."""


def call_note_id(new: NewNote) -> str:
    """The id of a call's note: always the same for the same call."""
    if new.cause is None:
        return note_id(new.text, new.scope.kind, new.scope.id)
    return note_id(new.cause.session_id, new.cause.call)


def add_note(folder: MemoryFolder, new: NewNote, now: datetime) -> AddedNote:
    """Write a note: of today, of a person or chat, or among those that wait. Raises as `MemoryFolder.write`."""
    local = now.astimezone(folder.zone)
    file = UNREVIEWED if new.trust == "unreviewed" else file_for(new.scope, f"{local:%Y-%m-%d}")
    note = call_note_id(new)
    if found := _written_before(folder, note, file, now):
        return AddedNote(found, None)
    made = made_note(new, note, file, now)
    saved, before = folder.change(file, lambda text: appended(text, made, local))
    return AddedNote(made, saved, before.text)


def find_note(folder: MemoryFolder, note: str) -> tuple[FileText, PlacedNote, tuple[PlacedNote, ...]] | None:
    """The file, the note in it, and all notes of that file; None when no file has it."""
    for read in folder.read_all().files:
        placed = placed_notes(read.text, read.file, folder.zone)
        if found := next((each for each in placed if each.note.id == note), None):
            return read, found, placed
    return None


def remove_note(folder: MemoryFolder, note: str) -> tuple[MemoryNote, Saved]:
    """Take a note out of its file. Raises NotFound, and as `MemoryFolder.write`."""
    for _ in range(20):
        found = find_note(folder, note)
        if found is None:
            break
        read, placed, others = found
        try:
            return placed.note, folder.write(read.file, without(read.text, placed, others), read.sha256)
        except MemoryChanged:
            continue
    raise NotFound(f"there is no note {note[:64]}")


def replace_text(folder: MemoryFolder, file: str, content: str, seen: FileText) -> Saved:
    """A whole new text for a file that the writer has seen. Raises MemoryChanged with what it has now, and how it
    differs from what was seen; nothing happens when it has the new text already."""
    text = content.replace("\r\n", "\n").replace("\0", "")
    text = text if text.endswith("\n") else text + "\n"
    now = folder.read(file)
    if now.text == text:
        return Saved(file, folder.path(file), now.sha256, now.sha256)
    try:
        return folder.write(file, text, seen.sha256)
    except MemoryChanged as changed:
        raise MemoryChanged(file, changed.text, difference(seen.text, changed.text, file)) from None


def replace_long_term(folder: MemoryFolder, content: str, seen: FileText) -> Saved:
    """A whole new MEMORY.md; see `replace_text`."""
    return replace_text(folder, LONG_TERM, content, seen)


def topic_file(world: MemoryFolder, topic: str) -> str:
    """The file of a topic that all agents share."""

    def title(stem: str) -> str | None:
        return title_of(world.read(f"world/{stem}.md").text)

    return f"world/{topic_stem(topic, title)}.md"


def titled(topic: str, content: str) -> str:
    """The text of a topic. One whose file cannot have its name begins with it."""
    return content if is_plain(topic) or title_of(content) else f"# {topic}\n\n{content}"


def _written_before(folder: MemoryFolder, note: str, file: str, now: datetime) -> MemoryNote | None:
    """The note that this call wrote before a crash: in this file, or in that of the day before."""
    found = next((each for each in folder.notes_of(file) if each.id == note), None)
    if found or not file.startswith("daily/"):
        return found
    # The call may have been begun before midnight.
    files, _ = folder.files()
    for earlier in [name for name in files if name.startswith("daily/") and name < file][-1:]:
        if found := next((each for each in folder.notes_of(earlier) if each.id == note), None):
            return replace(found, file=earlier)
    return None

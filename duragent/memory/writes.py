"""The writes of a memory, as the texts that they make of files: each may be done again, and is then as if done once.

The law: pure, but for `find_note` and `topic_file`, which read. `mind` writes the texts, and keeps a record of it.
"""

from datetime import datetime, tzinfo

from duragent.memory.base import MemoryNote, NewNote
from duragent.memory.folder import FileText, MemoryFolder
from duragent.memory.notes import (
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


def call_note_id(new: NewNote, person: str = "", key: str = "") -> str:
    """The id of a new note: always the same for the same call, and for the same key of a person."""
    if new.cause is None:
        return note_id(person, key)
    return note_id(new.cause.session_id, new.cause.call)


def planned_note(new: NewNote, note: str, local: datetime) -> MemoryNote:
    """The note as it will stand in the file where it belongs: the day's, that of a person or chat, or what waits."""
    file = UNREVIEWED if new.trust == "unreviewed" else file_for(new.scope, f"{local:%Y-%m-%d}")
    return made_note(new, note, file, local)


def with_note(before: FileText, note: MemoryNote, local: datetime, zone: tzinfo) -> str | None:
    """The file with one note more; None when a note of that id is there, as after a crash."""
    if any(placed.note.id == note.id for placed in placed_notes(before.text, before.file, zone)):
        return None
    return appended(before.text, note, local)


def without_note(before: FileText, note: str, zone: tzinfo) -> str | None:
    """The file without that note; None when it is not there."""
    others = placed_notes(before.text, before.file, zone)
    mine = next((placed for placed in others if placed.note.id == note), None)
    return without(before.text, mine, others) if mine is not None else None


def find_note(folder: MemoryFolder, note: str, file: str = "") -> PlacedNote | None:
    """Where a note stands: in that file, or in any. Blocks on the disk."""
    for read in (folder.read(file),) if file else folder.read_all().files:
        for placed in placed_notes(read.text, read.file, folder.zone):
            if placed.note.id == note:
                return placed
    return None


def whole_text(content: str) -> str:
    """What a whole file becomes: lines end in one way, the last one too, and there is no NUL."""
    text = content.replace("\r\n", "\n").replace("\0", "")
    return text if text.endswith("\n") or not text else text + "\n"


def topic_file(world: MemoryFolder, topic: str) -> str:
    """The file of a topic that all agents share. Blocks on the disk."""

    def title(stem: str) -> str | None:
        return title_of(world.read(f"world/{stem}.md").text)

    return f"world/{topic_stem(topic, title)}.md"


def titled(topic: str, content: str) -> str:
    """The text of a topic. One whose file cannot have its name begins with it."""
    return content if is_plain(topic) or title_of(content) else f"# {topic}\n\n{content}"

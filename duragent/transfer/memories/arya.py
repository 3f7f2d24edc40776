"""The `memory.db` of an agent of inkthorne's Anima: sentences with a moment and an importance.

The law: a sentence becomes a note of the day on which it was said last. The same sentence more than once is one note
that counts a little more. What had to do with how Anima found them is not taken: here an index is made of the files.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from duragent.errors import InvalidFile
from duragent.memory.notes import MAX_NOTE_BYTES, cleaned, note_id
from duragent.transfer.memories.base import Brought, BroughtNote, NotTaken
from duragent.transfer.memories.sqlite import Database

KIND = "memory.db of an agent of Anima (inkthorne)"
TABLE = "semantic_memories"
MAX_NOTES = 100_000
REINFORCED_MILLI = 50
"""What a sentence gains when it was stored again, as in Anima."""
_NEEDED = frozenset(("id", "created_at", "content", "importance"))
_SHOWN_FAULTS = 20
_DROPPED = (
    ("access_count, last_accessed", "being recalled makes no note more important here"),
    ("keywords", "an index is made of the words of the notes"),
    ("embedding", "vectors of another model cannot be compared; they are computed again where an embedder is set"),
)


def is_arya(tables: Mapping[str, frozenset[str]]) -> bool:
    """Whether a database with these tables is one of Anima's memories."""
    return TABLE in tables


def read_arya(database: Database) -> Brought:
    """All notes of it. Raises InvalidFile when the table has not the columns that it should have."""
    columns = database.columns()[TABLE]
    if missing := sorted(_NEEDED - columns):
        problem = f"the table {TABLE} has no column {', '.join(missing)}"
        raise InvalidFile(str(database.path), problem, hint="it is none that this version knows; nothing was taken")
    notes: dict[str, BroughtNote] = {}
    repeated: set[str] = set()
    faults: list[NotTaken] = []
    for at, row in enumerate(database.rows(_query(columns), (MAX_NOTE_BYTES,)), 1):
        if at > MAX_NOTES:
            raise InvalidFile(str(database.path), f"has more than {MAX_NOTES:,} notes", hint="nothing was taken")
        found = _note(row)
        if isinstance(found, NotTaken):
            faults.append(found)
        elif found.id in notes:
            repeated.add(found.id)
            notes[found.id] = _newest(notes[found.id], found)
        else:
            notes[found.id] = found
    dropped = [NotTaken(f"{TABLE}: {name}", why) for name, why in _DROPPED if columns & frozenset(name.split(", "))]
    if "memory_meta" in database.columns():
        dropped.append(NotTaken("memory_meta", "it names the model of the vectors"))
    counted = (_reinforced(note) if note.id in repeated else note for note in notes.values())
    return Brought(
        KIND,
        notes=tuple(sorted(counted, key=lambda note: (note.written_at, note.id))),
        not_taken=(*_some(faults), *dropped),
    )


def _query(columns: frozenset[str]) -> str:
    agent = "agent_id" if "agent_id" in columns else "''"
    source = "source" if "source" in columns else "''"
    # A length in bytes, so that a text of any length costs no memory here.
    size = "length(CAST(content AS BLOB))"
    content = f"CASE WHEN typeof(content) = 'text' AND {size} <= ? THEN content END"
    return (
        f"SELECT id, {agent}, created_at, {content}, typeof(content), {size}, importance, {source}"
        f" FROM {TABLE} ORDER BY id"
    )


def _note(row: tuple[Any, ...]) -> BroughtNote | NotTaken:
    row_id, agent, created_at, content, kind, size, importance, source = row
    what = f"{TABLE}, id {_word(row_id)}"
    if kind != b"text":
        return NotTaken(what, f"its content is {'empty' if kind == b'null' else 'no text'}", is_fault=True)
    if content is None:
        return NotTaken(what, f"it has {size:,} bytes, and a note may have {MAX_NOTE_BYTES:,}", is_fault=True)
    if b"\0" in content:
        return NotTaken(what, "it has a NUL character, so it is no text", is_fault=True)
    try:
        text = cleaned(content.decode())
    except UnicodeDecodeError:
        return NotTaken(what, "it is not UTF-8 text", is_fault=True)
    moment = _moment(created_at)
    if not text or moment is None:
        return NotTaken(what, "created_at is no time in seconds" if text else "it is empty", is_fault=True)
    of_agent, said_by = _word(agent), _word(source) or "auto"
    return BroughtNote(
        id=note_id("anima", of_agent, text),
        text=text,
        written_at=moment,
        importance_milli=_milli(importance),
        source=f"anima:{of_agent}:{said_by}",
    )


def _newest(first: BroughtNote, second: BroughtNote) -> BroughtNote:
    """One note of two with the same words."""
    newest = max(first, second, key=lambda note: note.written_at)
    return replace(newest, importance_milli=max(first.importance_milli, second.importance_milli))


def _reinforced(note: BroughtNote) -> BroughtNote:
    """However often it is there, it counts once more, and no more."""
    return replace(note, importance_milli=min(note.importance_milli + REINFORCED_MILLI, 1000))


def _moment(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if 1970 <= moment.year < 3000 else None


def _milli(value: object) -> int:
    """0.5 where the column has no number, as Anima's own default."""
    if not isinstance(value, int | float) or value != value:
        return 500
    return round(min(max(value, 0.0), 1.0) * 1000)


def _word(value: object) -> str:
    """A name, safe for a comment in Markdown, and for a request."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)
    return "".join(char if (char.isascii() and char.isalnum()) or char in "-_." else "-" for char in text[:60])


def _some(faults: list[NotTaken]) -> list[NotTaken]:
    more = len(faults) - _SHOWN_FAULTS
    if more <= 0:
        return faults
    return [*faults[:_SHOWN_FAULTS], NotTaken(TABLE, f"{more:,} more rows cannot be taken either", is_fault=True)]

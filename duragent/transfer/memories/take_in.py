"""What was found is taken into the memory of an agent, and into what all agents share.

The law: each file is written whole by compare and swap, through the one writer of its memory, and its record names the
notes that came. What is there already is not written again, so an import that was cut off is simply begun again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from duragent.errors import InvalidFile, MemoryChanged, MemoryFull
from duragent.journal.mind.events import ImportedNote, MindEvent, NotesImported
from duragent.memory.folder import MAX_FILE_BYTES, FileText, MemoryFolder, Saved
from duragent.memory.notes import text_sha256
from duragent.mind.actor import Mind
from duragent.mind.minds import Minds
from duragent.transfer.memories.base import Brought, BroughtFile, BroughtNote, TakenFile
from duragent.transfer.memories.merge import KnownNotes, Merged, merged_file, merged_notes

ATTEMPTS = 20
"""So often a file is merged again when a person saves it at the same time."""
_Part = BroughtFile | tuple[BroughtNote, ...]


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as it is, and what it will be."""

    taken: TakenFile
    """What will have become of it."""
    seen: FileText | None = None
    """What it has now; None when nothing will be written."""
    merged: Merged | None = None
    """What it will have."""


async def take_in(minds: Minds, agent: str, found: Brought, by: str) -> Sequence[TakenFile]:
    """Take all of it in. Raises as `Minds.of`, and errors of the store."""
    mind = await minds.of(agent)
    done: list[TakenFile] = []
    known = await asyncio.to_thread(_known, mind.folder)
    parts = await asyncio.to_thread(parts_of, found, mind.folder)
    for file, part in parts.items():
        writer = await minds.world() if file.startswith("world/") else mind
        done.append(await _write(writer, file, part, known, by))
    return done


async def _write(mind: Mind, file: str, part: _Part, known: KnownNotes, by: str) -> TakenFile:
    for attempt in range(ATTEMPTS):
        plan = await asyncio.to_thread(plan_file, mind.folder, file, part, known)
        if plan.seen is None or plan.merged is None:
            return plan.taken
        events = _Told(plan.merged, vouched=not isinstance(part, BroughtFile), by=by)
        try:
            await mind.write_seen(plan.seen, plan.merged.text, events)
            return plan.taken
        except MemoryChanged:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")


@dataclass(frozen=True, slots=True)
class _Told:
    """The record of a write. The log vouches only for notes that were made here, not for what comments claim."""

    merged: Merged
    vouched: bool
    by: str

    def __call__(self, saved: Saved) -> Sequence[MindEvent]:
        notes = tuple(
            ImportedNote(
                note=note.id, text_sha256=text_sha256(note.text), importance_milli=note.importance_milli, trust="agent"
            )
            for note in (self.merged.added if self.vouched else ())
        )
        return [
            NotesImported(
                file=saved.file,
                before_sha256=saved.before_sha256,
                after_sha256=saved.after_sha256,
                notes=notes,
                count=len(self.merged.added),
                by=self.by,
                theirs=saved.theirs,
            )
        ]


# --- what would be done ---------------------------------------------------------------------------------------------


def plan_all(own: MemoryFolder, world: MemoryFolder, found: Brought) -> Sequence[TakenFile]:
    """What `take_in` would do. It writes nothing. Blocks on the disk."""
    known = _known(own)
    parts = parts_of(found, own).items()
    return [plan_file(world if file.startswith("world/") else own, file, part, known).taken for file, part in parts]


def parts_of(found: Brought, own: MemoryFolder) -> dict[str, _Part]:
    """What comes to which file, in order. Notes go to their local day."""
    parts: dict[str, _Part] = {each.file: each for each in found.files}
    days: dict[str, list[BroughtNote]] = {}
    for note in found.notes:
        days.setdefault(f"daily/{_local(note, own):%Y-%m-%d}.md", []).append(note)
    assert parts.keys().isdisjoint(days), "a source has files or notes"
    return parts | {file: tuple(notes) for file, notes in days.items()}


def plan_file(folder: MemoryFolder, file: str, part: _Part, known: KnownNotes) -> PlannedFile:
    """What will become of a file."""
    try:
        seen = folder.read(file)
    except InvalidFile as error:
        return PlannedFile(TakenFile(file, "conflict", why=f"what is there cannot be read: {error}"))
    if isinstance(part, BroughtFile):
        merged = merged_file(seen.text, part.text, file, folder.zone)
    else:
        merged = merged_notes(seen.text, [(note, _local(note, folder)) for note in part], file, known)
    why = "; ".join(merged.conflicts)
    if (size := len(merged.text.encode())) > MAX_FILE_BYTES:
        return PlannedFile(TakenFile(file, "conflict", 0, merged.there, str(MemoryFull(file, size, MAX_FILE_BYTES))))
    if merged.text == seen.text:
        return PlannedFile(TakenFile(file, "conflict" if why else "there", 0, merged.there, why))
    taken = TakenFile(file, "merged" if seen.sha256 else "written", len(merged.added), merged.there, why)
    return PlannedFile(taken, seen, merged)


def _known(folder: MemoryFolder) -> KnownNotes:
    return KnownNotes(folder.read_all().notes)


def _local(note: BroughtNote, folder: MemoryFolder) -> datetime:
    return datetime.fromisoformat(note.written_at).astimezone(folder.zone)

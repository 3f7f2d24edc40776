"""What differs between the files of a memory and its log. Pure.

The law: a file that differs was changed by a person, but for the one write that the log says was begun. A comment in a
file vouches for nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import tzinfo

from duragent.journal.mind.events import (
    Author,
    FileSeen,
    MindEvent,
    NoteReviewed,
    NoteWritten,
    WriteBegun,
)
from duragent.journal.mind.state import MindState
from duragent.memory.folder import FileText
from duragent.memory.notes import UNREVIEWED, placed_notes, text_sha256
from duragent.mind.records import ended, replaced, reviewed


def differences(state: MindState, files: Iterable[FileText], zone: tzinfo, by: Author) -> Sequence[MindEvent]:
    """The events that make the log know the files as they are."""
    events: list[MindEvent] = []
    there: set[str] = set()
    for file in files:
        there.add(file.file)
        known = state.files.get(file.file)
        if known is not None and known.sha256 == file.sha256:
            continue
        begun = state.writing if state.writing is not None and state.writing.file == file.file else None
        done = _done(state, begun, file, zone) if begun is not None else []
        events += done
        if begun is None or not done or begun.after_sha256 != file.sha256:
            events.append(FileSeen(file=file.file, sha256=file.sha256, by=by))
        if file.file == UNREVIEWED:
            known_of = {event.note for event in done if isinstance(event, NoteReviewed)}
            events += (event for event in _decided(state, file, zone) if event.note not in known_of)
    gone = [name for name, known in state.files.items() if known.sha256 and name not in there]
    events += (FileSeen(file=name, by=by) for name in gone)
    if UNREVIEWED in gone:
        events += _decided(state, FileText(UNREVIEWED, "", ""), zone)
    return events


def _done(state: MindState, begun: WriteBegun, file: FileText, zone: tzinfo) -> list[MindEvent]:
    """The records of the write that was begun, as far as the file has it."""
    if begun.verdict and begun.file == UNREVIEWED:
        return [reviewed(state, begun)] if file.sha256 == begun.after_sha256 else []
    written = ended(begun) if file.sha256 == begun.after_sha256 else _found(begun, file, zone)
    if written is None:
        return []
    return [written, *replaced(begun)]


def _found(begun: WriteBegun, file: FileText, zone: tzinfo) -> NoteWritten | None:
    """The note of that write in a file that has been changed since; the same words under the same id."""
    for placed in placed_notes(file.text, file.file, zone) if begun.text_sha256 else ():
        if placed.note.id == begun.note and text_sha256(placed.note.text) == begun.text_sha256:
            return ended(begun).model_copy(update={"op": "found", "after_sha256": file.sha256})
    return None


def _decided(state: MindState, file: FileText, zone: tzinfo) -> Iterable[NoteReviewed]:
    """Notes that waited and were taken out of the file by hand."""
    waiting = {placed.note.id for placed in placed_notes(file.text, file.file, zone)}
    for review in state.reviews:
        if review.note not in waiting:
            yield NoteReviewed(note=review.note, verdict="forget", by="person", after_sha256=file.sha256)

"""What differs between the files of a memory and its log. Pure."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo

from duragent.journal.mind.events import Author, FileSeen, MindEvent, NoteCause, NoteWritten
from duragent.journal.mind.state import MindState
from duragent.memory.folder import FileText
from duragent.memory.notes import UNREVIEWED, placed_notes, text_sha256
from duragent.mind.records import scope_text


def differences(
    state: MindState, files: Iterable[FileText], zone: tzinfo, by: Author, *, adopt: bool
) -> Sequence[MindEvent]:
    """The events that make the log know the files as they are.

    `adopt`: a note whose comment the log does not know was written when a crash came, and gets its record.
    """
    events: list[MindEvent] = []
    there: set[str] = set()
    for file in files:
        there.add(file.file)
        known = state.files.get(file.file)
        if known is not None and known.sha256 == file.sha256:
            continue
        found = list(_found(state, file, zone)) if adopt else []
        events += found
        if not found:
            events.append(FileSeen(file=file.file, sha256=file.sha256, by=by))
    gone = [name for name, known in state.files.items() if known.sha256 and name not in there]
    return [*events, *(FileSeen(file=name, by=by) for name in gone)]


def _found(state: MindState, file: FileText, zone: tzinfo) -> Iterable[NoteWritten]:
    """The notes of a file that a call has written and the log does not know."""
    known = state.files.get(file.file)
    for placed in placed_notes(file.text, file.file, zone):
        note = placed.note
        session, _, seq = note.source.partition("#")
        if not placed.commented or not session or not seq.isdigit() or state.known(note.id) is not None:
            continue
        yield NoteWritten(
            note=note.id,
            file=file.file,
            op="found",
            before_sha256=known.sha256 if known else "",
            after_sha256=file.sha256,
            text_sha256=text_sha256(note.text),
            chars=len(note.text),
            scope=scope_text(note.scope),
            importance_milli=note.importance_milli,
            trust="unreviewed" if file.file == UNREVIEWED else note.trust,
            cause=NoteCause(session=session, seq=int(seq)),
        )

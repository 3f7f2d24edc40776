"""What is about to be written, and what was, as events of a mind. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from duragent.journal.mind.events import (
    ForgettingBegun,
    MindEvent,
    NoteCause,
    NoteReviewed,
    NoteSuperseded,
    NoteWritten,
    WriteBegun,
    WriteOp,
)
from duragent.journal.mind.state import MindState
from duragent.memory.base import OWNER, Cause, MemoryNote, Scope
from duragent.memory.folder import Saved
from duragent.memory.notes import LONG_TERM, UNREVIEWED, text_sha256


@dataclass(frozen=True, slots=True)
class WrittenBy:
    """Who asked for a write: a call, or a person."""

    cause: Cause | None = None
    """The call; None for a person."""
    person: str = ""
    """The person; "" for a call."""


def cause_of(cause: Cause | None) -> NoteCause | None:
    """The call as the log names it."""
    return NoteCause(session=cause.session_id, seq=cause.seq, call=cause.call) if cause else None


def scope_text(scope: Scope) -> str:
    """As the log has it: "" for the agent's owner."""
    return "" if scope == OWNER else str(scope)


def note_begun(note: MemoryNote, op: WriteOp, by: WrittenBy) -> WriteBegun:
    """A note that is about to be written; what its file has and will have is filled in by the writer."""
    return WriteBegun(
        note=note.id,
        file=note.file,
        op=op,
        after_sha256="",
        text_sha256=text_sha256(note.text),
        chars=len(note.text),
        scope=scope_text(note.scope),
        importance_milli=note.importance_milli,
        trust=note.trust,
        cause=cause_of(by.cause),
        person=by.person,
        replaces=note.replaces,
    )


def whole_begun(file: str, content: str, by: WrittenBy) -> WriteBegun:
    """A file that is about to be replaced; as `note_begun`."""
    return WriteBegun(
        file=file,
        op="reflect" if file == LONG_TERM else "update_world",
        after_sha256="",
        chars=len(content),
        scope="world" if file.startswith("world/") else "",
        cause=cause_of(by.cause),
        person=by.person,
    )


def began_with(state: MindState, begun: WriteBegun, after_sha256: str) -> str | None:
    """What the same call found in the file when it began the same write before a crash; None when it did not."""
    before = state.writing
    if before is None or before.cause is None or begun.cause is None or not begun.cause.call:
        return None
    call = (begun.file, begun.cause.session, begun.cause.call, after_sha256)
    is_same = (before.file, before.cause.session, before.cause.call, before.after_sha256) == call
    return before.before_sha256 if is_same else None


def ended(begun: WriteBegun, saved: Saved | None = None) -> NoteWritten:
    """The record of that write. Without `saved`: it came to be as it was begun."""
    fields = begun.model_dump(exclude={"type", "replaces", "verdict", "cause"})
    if saved is not None:
        fields |= {"before_sha256": saved.before_sha256, "after_sha256": saved.after_sha256, "theirs": saved.theirs}
    return NoteWritten(**fields, cause=begun.cause)


def replaced(begun: WriteBegun) -> list[NoteSuperseded]:
    """The note whose place that one took. A note that waits takes no place."""
    stands = begun.replaces and begun.trust != "unreviewed"
    return [NoteSuperseded(note=begun.replaces, by=begun.note)] if stands else []


def reviewed(state: MindState, begun: WriteBegun, saved: Saved | None = None) -> NoteReviewed:
    """The record of a note that was taken out of those that wait, as a person said. Without `saved`: as in `ended`."""
    file = state.file_of(begun.note)
    stands = begun.verdict not in ("", "forget") and file not in ("", UNREVIEWED)
    return NoteReviewed(
        note=begun.note,
        verdict=begun.verdict or "forget",
        by=begun.person,
        file=file if stands else "",
        text_sha256=begun.text_sha256 if stands else "",
        before_sha256=saved.before_sha256 if saved else begun.before_sha256,
        after_sha256=saved.after_sha256 if saved else begun.after_sha256,
        file_sha256=state.files[file].sha256 if stands else "",
    )


def forgotten_by(newest: Sequence[MindEvent], by: str, note: str) -> str | None:
    """The file out of which a request among these took the note; None when none did.

    A call of a tool that a crash cut short is made again, and must not say that there was nothing to forget.
    """
    asked = [event for event in newest if isinstance(event, ForgettingBegun)]
    if not any(event.by == by and note in event.notes for event in asked):
        return None
    written = [event for event in newest if isinstance(event, NoteWritten) and event.note == note]
    return next((event.file for event in reversed(written) if event.op == "forget"), "")

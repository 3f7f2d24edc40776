"""What was written, as events of a mind. Pure."""

from typing import Literal

from duragent.journal.mind.events import NoteCause, NoteWritten
from duragent.memory.base import OWNER, Cause, MemoryNote, Scope
from duragent.memory.folder import Saved
from duragent.memory.notes import LONG_TERM, text_sha256


def cause_of(cause: Cause | None) -> NoteCause | None:
    """The call as the log names it."""
    return NoteCause(session=cause.session_id, seq=cause.seq, call=cause.call) if cause else None


def scope_text(scope: Scope) -> str:
    """As the log has it: "" for the agent's owner."""
    return "" if scope == OWNER else str(scope)


def written(
    note: MemoryNote, op: Literal["remember", "found"], saved: Saved, cause: Cause | None, person: str
) -> NoteWritten:
    return NoteWritten(
        note=note.id,
        file=note.file,
        op=op,
        before_sha256=saved.before_sha256,
        after_sha256=saved.after_sha256,
        text_sha256=text_sha256(note.text),
        chars=len(note.text),
        scope=scope_text(note.scope),
        importance_milli=note.importance_milli,
        trust=note.trust,
        cause=cause_of(cause),
        person=person,
        theirs=saved.theirs,
    )


def whole_written(saved: Saved, content: str, cause: Cause | None, person: str, *, is_world: bool) -> NoteWritten:
    """Of MEMORY.md or a topic with a new text."""
    return NoteWritten(
        file=saved.file,
        op="reflect" if saved.file == LONG_TERM else "update_world",
        before_sha256=saved.before_sha256,
        after_sha256=saved.after_sha256,
        chars=len(content),
        scope="world" if is_world else "",
        cause=cause_of(cause),
        person=person,
        theirs=saved.theirs,
    )

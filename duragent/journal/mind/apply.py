"""The fold of a mind: the state after one more record. Total: it accepts every record, in any order."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar, assert_never

from duragent.journal.events import LogRecovered, Opaque, OwnerClaimed
from duragent.journal.mind.events import (
    Author,
    CommandsBegun,
    CommandsEnded,
    FileSeen,
    ForgettingBegun,
    ForgettingEnded,
    MindCreated,
    MindEvent,
    NoteReinforced,
    NoteReviewed,
    NotesImported,
    NoteSuperseded,
    NoteWritten,
    SessionConsumed,
    WorkBegun,
    WorkEnded,
    WriteBegun,
)
from duragent.journal.mind.state import (
    KEPT_CURSORS,
    KEPT_DAYS,
    KEPT_VERSIONS,
    KNOWN_FILES,
    KNOWN_NOTES,
    LOST_JOBS,
    SHA_DIGITS,
    DaySpent,
    FileVersion,
    Forgetting,
    KnownFile,
    KnownNote,
    MindState,
    OpenJob,
    WaitingNote,
)
from duragent.journal.record import StreamRecord

UNREVIEWED_FILE = "unreviewed.md"
KEEPING = frozenset({"remember", "found", "edit", "forget", "review"})
"""Writes after which the other notes of the file are still there."""
_V = TypeVar("_V")


def apply_mind(state: MindState, record: StreamRecord[Any]) -> MindState:
    """The state after one more record."""
    at = replace(state, seq=record.seq, updated_at=record.ts, created_at=state.created_at or record.ts)
    event: MindEvent = record.event
    match event:
        case MindCreated():
            return replace(at, agent=event.agent)
        case OwnerClaimed():
            return _claimed(at, event)
        case WriteBegun() | NoteWritten():
            return _written(at, event, record.ts)
        case NoteReinforced() | NoteSuperseded():
            return _changed(at, event, record.ts)
        case NoteReviewed():
            return _reviewed(_ended(at, UNREVIEWED_FILE), event)
        case ForgettingBegun():
            return replace(at, forgetting=_forgetting(at.forgetting, event, record.seq))
        case ForgettingEnded():
            return _forgotten(at, event)
        case FileSeen() | NotesImported():
            return _by_person(at, event)
        case WorkBegun() | WorkEnded() | CommandsBegun() | CommandsEnded():
            return _work(at, event, record.ts)
        case SessionConsumed():
            return replace(at, cursors=_newest(at.cursors, event.session, event.upto_seq, KEPT_CURSORS))
        case LogRecovered() | Opaque():
            return at
        case _:
            assert_never(event)


def _newest(before: Mapping[str, _V], key: str, value: _V, most: int) -> Mapping[str, _V]:
    """With this as the newest; the oldest beyond `most` are let go of."""
    items = {name: kept for name, kept in before.items() if name != key} | {key: value}
    surplus = len(items) - most
    return dict(list(items.items())[surplus:]) if surplus > 0 else items


def _ended(at: MindState, file: str) -> MindState:
    """What the file has is known now, so no write of it is under way."""
    return replace(at, writing=None) if at.writing is not None and at.writing.file == file else at


# --- files and notes ------------------------------------------------------------------------------------------------


def _written(at: MindState, event: WriteBegun | NoteWritten, ts: str) -> MindState:
    if isinstance(event, WriteBegun):
        return replace(at, writing=event)
    at = _ended(at, event.file)
    author: Author = "person" if event.person else "unattributed" if event.unattributed else "agent"
    known = at.files.get(event.file)
    notes = dict(known.notes) if known and event.op in KEEPING else {}
    if known and known.sha256 and event.op in KEEPING and not event.unattributed:
        # Of the rest of the file nothing new is said.
        author = known.by
    if event.op == "forget":
        notes.pop(event.note, None)
    elif event.note:
        sha = event.text_sha256[:SHA_DIGITS]
        notes[event.note] = KnownNote(sha, event.trust, event.importance_milli, event.scope)
    elif known and event.op in ("reflect", "update_world", "undo"):
        # Notes that the new text still has are compared by their text, so what is not in it does no harm.
        notes = dict(known.notes)
    before = _without(at.files, {event.note}) if event.op == "review" else at.files
    file = KnownFile(event.after_sha256, author, notes, _others_at(known, event, ts))
    files = _newest(before, event.file, file, KNOWN_FILES)
    at = replace(at, files=_bounded(files))
    if event.op != "found":
        version = FileVersion(event.file, event.before_sha256, event.after_sha256, at.seq)
        # Some more than are kept: the actor drops the blobs of the surplus, and may be behind.
        at = replace(at, versions=(*at.versions, version)[-2 * KEPT_VERSIONS :])
    if event.op == "review":
        # It waits until it is taken out of the file of those that do.
        return at
    waits = event.trust == "unreviewed" and event.note and event.op != "forget"
    reviews = tuple(review for review in at.reviews if review.note != event.note)
    return replace(at, reviews=(*reviews, WaitingNote(event.note, ts)) if waits else reviews)


def _others_at(known: KnownFile | None, event: NoteWritten, ts: str) -> str:
    """A person may have saved the file before, which no record tells: then it is not what the log knew."""
    own = event.op in ("reflect", "update_world") and not event.person and not event.unattributed
    was, others_at = (known.sha256, known.others_at) if known else ("", "")
    return others_at if own and event.before_sha256 == was else ts


def _by_person(at: MindState, event: FileSeen | NotesImported) -> MindState:
    at = _ended(at, event.file)
    if isinstance(event, FileSeen):
        return replace(at, files=_seen(at.files, event, at.updated_at))
    known = at.files.get(event.file)
    came = {
        each.note: KnownNote(each.text_sha256[:SHA_DIGITS], each.trust, each.importance_milli) for each in event.notes
    }
    # The text that is there already does not become a person's by what comes to it.
    by: Author = known.by if known and known.sha256 else "person"
    file = KnownFile(event.after_sha256, by, {**(known.notes if known else {}), **came}, at.updated_at)
    version = FileVersion(event.file, event.before_sha256, event.after_sha256, at.seq)
    files = _bounded(_newest(at.files, event.file, file, KNOWN_FILES))
    return replace(at, files=files, versions=(*at.versions, version)[-2 * KEPT_VERSIONS :])


def _bounded(files: Mapping[str, KnownFile]) -> Mapping[str, KnownFile]:
    surplus = sum(len(file.notes) for file in files.values()) - KNOWN_NOTES
    if surplus <= 0:
        return files
    bounded = dict(files)
    for name, file in files.items():
        kept = dict(list(file.notes.items())[surplus:])
        surplus -= len(file.notes) - len(kept)
        bounded[name] = replace(file, notes=kept)
        if surplus <= 0:
            break
    return bounded


def _changed(at: MindState, event: NoteReinforced | NoteSuperseded, ts: str) -> MindState:
    name, note = at.file_of(event.note), event.note
    if not name:
        return at
    file = at.files[name]
    if isinstance(event, NoteReinforced):
        by = f"{event.cause.session}/{event.cause.call}" if event.cause else ""
        known = file.notes[note]._replace(importance_milli=event.importance_milli, renewed_at=ts, renewed_by=by)
    else:
        known = file.notes[note]._replace(by=event.by)
    notes = {**file.notes, note: known}
    return replace(at, files={**at.files, name: replace(file, notes=notes)})


def _reviewed(at: MindState, event: NoteReviewed) -> MindState:
    at = replace(at, reviews=tuple(review for review in at.reviews if review.note != event.note))
    known = at.known(event.note)
    files = _without(at.files, {event.note})
    if UNREVIEWED_FILE in files and event.after_sha256:
        files = {**files, UNREVIEWED_FILE: replace(files[UNREVIEWED_FILE], sha256=event.after_sha256)}
    if event.verdict != "forget" and event.file:
        before = files.get(event.file, KnownFile(""))
        kept = KnownNote(
            event.text_sha256[:SHA_DIGITS],
            "owner",
            known.importance_milli if known else 500,
            known.scope if known else "",
        )
        notes = {**before.notes, event.note: kept}
        file = replace(before, sha256=event.file_sha256, notes=notes, others_at=at.updated_at)
        files = _newest(files, event.file, file, KNOWN_FILES)
    return replace(at, files=files)


def _without(files: Mapping[str, KnownFile], notes: set[str]) -> Mapping[str, KnownFile]:
    changed = {
        name: replace(file, notes={note: known for note, known in file.notes.items() if note not in notes})
        for name, file in files.items()
        if notes & file.notes.keys()
    }
    return {**files, **changed}


def _forgetting(before: Forgetting | None, event: ForgettingBegun, seq: int) -> Forgetting:
    """With what another one has not removed yet."""
    if before is None:
        return Forgetting(seq, event.notes, event.sha256s, event.everywhere)
    notes = tuple(dict.fromkeys((*before.notes, *event.notes)))
    texts = tuple(dict.fromkeys((*before.sha256s, *event.sha256s)))
    return Forgetting(before.seq, notes, texts, before.everywhere or event.everywhere)


def _forgotten(at: MindState, event: ForgettingEnded) -> MindState:
    gone, texts = set(event.notes), set(event.sha256s)
    goes_on = at.forgetting is not None and at.forgetting.everywhere and not event.everywhere
    return replace(
        at,
        forgetting=at.forgetting if goes_on else None,
        files=_without(at.files, gone),
        reviews=tuple(review for review in at.reviews if review.note not in gone),
        versions=tuple(version for version in at.versions if version.sha256 not in texts),
    )


def _seen(files: Mapping[str, KnownFile], event: FileSeen, ts: str) -> Mapping[str, KnownFile]:
    known = files.get(event.file)
    if not event.sha256:
        return {name: file for name, file in files.items() if name != event.file}
    notes = known.notes if known else {}
    return _newest(files, event.file, KnownFile(event.sha256, event.by, notes, ts), KNOWN_FILES)


# --- work -----------------------------------------------------------------------------------------------------------


def _claimed(at: MindState, event: OwnerClaimed) -> MindState:
    """Work of a process that is gone has no end: it counts as spent."""
    for job in at.jobs:
        at = _spend(at, job.day, job.tokens, job.usd)
    lost = (*at.lost_jobs, *at.jobs)[-LOST_JOBS:]
    return replace(at, epoch=event.epoch, node=event.node, jobs=(), lost_jobs=lost)


def _work(at: MindState, event: WorkBegun | WorkEnded | CommandsBegun | CommandsEnded, ts: str) -> MindState:
    if isinstance(event, CommandsBegun | CommandsEnded):
        return replace(at, commands=isinstance(event, CommandsBegun))
    if isinstance(event, WorkBegun):
        place = (event.job, event.kind, event.session, event.first_seq, event.last_seq)
        job = OpenJob(*place, ts[:10], event.estimate_tokens, event.estimate_usd)
        return replace(at, jobs=(*at.jobs, job))
    ended = next((job for job in at.jobs if job.job == event.job), None)
    if ended is None:
        return at
    at = replace(at, jobs=tuple(job for job in at.jobs if job != ended))
    usd = ended.usd if event.cost_usd is None and event.outcome != "cancelled" else event.cost_usd or 0.0
    return _spend(at, ended.day, event.usage.input + event.usage.output, usd)


def _spend(at: MindState, day: str, tokens: int, usd: float) -> MindState:
    before = at.spent.get(day, DaySpent())
    spent = {**at.spent, day: DaySpent(before.tokens + tokens, before.usd + usd)}
    return replace(at, spent=dict(sorted(spent.items())[-KEPT_DAYS:]))

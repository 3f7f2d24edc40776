"""The files of a session of duragent-rust v0.5 as a log of today: each thing that happened once, in order. Pure.

The same files always give the same log, so that what is shown before it is written is what is written then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from duragent.journal.events import (
    Event,
    HistoryAdopted,
    ModelReplied,
    Opaque,
    SessionClosed,
    SessionCreated,
    SessionPaused,
    SessionResumed,
    ToolFinished,
    ToolsSkipped,
)
from duragent.journal.legacy import snapshot
from duragent.journal.legacy.lines import LegacyLines, LegacyRecord, read_lines
from duragent.journal.legacy.merge import Moment, with_remembered
from duragent.journal.legacy.snapshot import BadSnapshot, LegacySnapshot
from duragent.journal.line import is_legacy
from duragent.journal.record import Encoded, Record, crc_seed, encode

NOT_APPROVED = "The call was not run. It was waiting for an approval when the session moved here from duragent v0.5."
_NO_TIME = "1970-01-01T00:00:00Z"
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LegacyFiles:
    """The files that v0.5 left of one session."""

    log: bytes = b""
    """`events.jsonl`."""
    archive: bytes = b""
    """`events.archive.jsonl`."""
    snapshot: bytes | None = None
    """`state.json`; None when there is none."""
    faults: tuple[str, ...] = ()
    """What could not be read of the files, a sentence each."""


@dataclass(frozen=True, slots=True)
class LegacyLog:
    """The log of today that these files become."""

    lines: bytes
    """All its lines, with newlines."""
    head: int
    """The newest record; the first is 1."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    """Texts that are too long for a line, by sha256 in hex."""


def writer_of(log: bytes) -> Literal["ours", "v0.5"] | None:
    """Who wrote a log: ours if any line is; v0.5 if one may be, and none is ours; None when nothing says it."""
    if not all(is_legacy(line) for line in log.split(b"\n")):
        return "ours"
    return "v0.5" if b'"timestamp"' in log else None


def adopted(files: LegacyFiles, session_id: str, kept_as: str) -> LegacyLog:
    """The log of these files. It ends with a `history_adopted` that says where it is from."""
    seen = set[tuple[int, str]]()
    archive, log = read_lines(files.archive, seen), read_lines(files.log, seen)
    snapshot, faults = _snapshot(files)
    records = [*archive.records, *log.records]
    moments = with_remembered(snapshot, records)
    created, begun = _created(moments, snapshot)
    moments = [moment for moment in moments if not isinstance(moment.event, SessionCreated)]
    moments += _settled([created, *[moment.event for moment in moments]], records, snapshot)
    notes = [*files.faults, *faults, *_notes("events.archive.jsonl", archive), *_notes("events.jsonl", log)]
    notes += _missing(records, moments, snapshot)
    facts = HistoryAdopted(
        lines=len(log.records),
        archived=len(archive.records),
        messages=sum(moment.remembered for moment in moments),
        notes=tuple(notes),
        kept_as=kept_as,
    )
    return _encoded([Moment(created, begun), *moments, Moment(facts)], session_id)


def _snapshot(files: LegacyFiles) -> tuple[LegacySnapshot, list[str]]:
    if files.snapshot is None:
        return LegacySnapshot(), []
    try:
        return snapshot.load(files.snapshot), []
    except BadSnapshot as error:
        return LegacySnapshot(), [f"state.json cannot be read, and nothing of it is here: {error}"]


def _created(moments: Sequence[Moment], snapshot: LegacySnapshot) -> tuple[SessionCreated, str]:
    """The first record and its time: as the log begins, else as `state.json` or the answers say."""
    for moment in moments:
        if isinstance(moment.event, SessionCreated):
            chat = {
                "gateway": moment.event.gateway or snapshot.gateway,
                "chat_id": moment.event.chat_id or snapshot.chat_id,
            }
            return moment.event.model_copy(update=chat), moment.ts
    created = SessionCreated(
        agent=snapshot.agent or next((moment.speaker for moment in moments if moment.speaker), ""),
        on_disconnect=snapshot.on_disconnect,
        source="legacy",
        gateway=snapshot.gateway,
        chat_id=snapshot.chat_id,
    )
    return created, snapshot.created_at or next((moment.ts for moment in moments if moment.ts), _NO_TIME)


def _settled(events: Sequence[Event], records: Sequence[LegacyRecord], snapshot: LegacySnapshot) -> list[Moment]:
    """What `state.json` alone knows of how the session stands: a status, and a call that waited for a person."""
    events_after: list[Event] = []
    if snapshot.pending and snapshot.pending.call_id in _unanswered(events):
        events_after.append(ToolFinished(call=snapshot.pending.call_id, outcome="interrupted", content=NOT_APPROVED))
    closed = any(isinstance(event, SessionClosed) for event in events)
    changes = [event for event in events if isinstance(event, SessionPaused | SessionResumed)]
    paused = bool(changes) and isinstance(changes[-1], SessionPaused)
    # A status that the log changed after the snapshot was taken is the log's business.
    if not any(record.kind == "status_change" and record.seq > snapshot.last_seq for record in records):
        if snapshot.status == "completed" and not closed:
            events_after.append(SessionClosed(reason="was completed in duragent v0.5"))
        elif snapshot.status == "paused" and not paused and not closed:
            events_after.append(SessionPaused(reason="was paused in duragent v0.5"))
    return [Moment(event) for event in events_after]


def _unanswered(events: Iterable[Event]) -> set[str]:
    calls = set[str]()
    for event in events:
        match event:
            case ModelReplied():
                calls |= {call.call for call in event.calls}
            case ToolFinished():
                calls.discard(event.call)
            case ToolsSkipped():
                calls -= set(event.calls)
            case _:
                pass
    return calls


# --- notes for people -----------------------------------------------------------------------------------------------


def _notes(name: str, lines: LegacyLines) -> list[str]:
    notes = []
    if lines.unread:
        notes.append(f"{name}: {_lines(lines.unread)} cannot be read, or only in part: {_numbers(lines.unread)}")
    if lines.altered:
        what = "with bytes that are not UTF-8, each of which is U+FFFD now"
        notes.append(f"{name}: {_lines(lines.altered)} {what}: {_numbers(lines.altered)}")
    return notes


def _lines(numbers: Sequence[int]) -> str:
    return f"{len(numbers):,} line{'' if len(numbers) == 1 else 's'} of v0.5"


def _numbers(numbers: Sequence[int]) -> str:
    return _first([str(number) for number in numbers])


def _first(parts: Sequence[str], what: str = "") -> str:
    """The first of them, and how many `what` more there are."""
    more = f" and {len(parts) - _SHOWN:,} more{what}" if len(parts) > _SHOWN else ""
    return ", ".join(parts[:_SHOWN]) + more


def _missing(records: Sequence[LegacyRecord], moments: Sequence[Moment], snapshot: LegacySnapshot) -> list[str]:
    """Records of v0.5 that no file has, where `state.json` does not stand in for them."""
    seqs = sorted({record.seq for record in records})
    stood_in = snapshot.covered if any(moment.remembered for moment in moments) else 0
    gaps = [(before + 1, after - 1) for before, after in zip([0, *seqs], seqs, strict=False) if after > before + 1]
    gaps = [gap for gap in gaps if gap[1] > stood_in]
    if not gaps:
        return []
    shown = _first([str(first) if first == last else f"{first} to {last}" for first, last in gaps], " gaps")
    return [f"no file has these records of v0.5: {shown}"]


# --- the log --------------------------------------------------------------------------------------------------------


def _encoded(moments: Sequence[Moment], session_id: str) -> LegacyLog:
    seed, ts = crc_seed(session_id), _NO_TIME
    lines, blobs = list[bytes](), dict[str, bytes]()
    for moment in moments:
        # `state.json` has no times: such a message is as old as what came before it.
        ts = moment.ts or ts
        encoded = _line(Record(len(lines) + 1, ts, moment.event), seed)
        lines.append(encoded.line)
        blobs |= encoded.blobs
    return LegacyLog(b"".join(lines), len(lines), blobs)


def _line(record: Record, seed: int) -> Encoded:
    try:
        return encode(record, seed)
    except ValueError as error:
        # Such as thousands of short calls in one answer: lines of v0.5 had no greatest length.
        return encode(replace(record, event=Opaque(type="legacy_too_long", payload={"problem": str(error)})), seed)

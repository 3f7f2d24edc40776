"""A request that was sent, made again from the log alone: no agent's file, no tool and no index is looked at.

The law of this file: it reads what was recorded with the question, and hands it to the same `assembled` that made it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, get_args

from duragent.agent.load import Agent
from duragent.context.build import Frame, WindowUse
from duragent.context.prompt_set import set_again
from duragent.errors import Damaged, InvalidRequest
from duragent.journal.covered import ALL_SHOWN, Coverage, CoverageEvent, covered
from duragent.journal.events import EVENT_TYPES, FORGOTTEN, MemoryRecalled, ModelCalled, PromptSet, TurnStarted
from duragent.journal.line import last_seq, lines_of_types, split_lines
from duragent.journal.record import Record, crc_seed, decode
from duragent.journal.state import OpenTurn, SessionState
from duragent.models.file_limits import FileLimits, TakenFiles
from duragent.models.messages import ModelRequest
from duragent.turn.history import HasBlobs, HasRecords
from duragent.turn.past import past_of
from duragent.turn.request import Material, assembled, opening_of

LINES = 1_000
"""Lines that are read at once."""

_Kind = TypeVar("_Kind", PromptSet, MemoryRecalled)
_TYPES = (
    "prompt_set",
    "memory_recalled",
    "model_called",
    "turn_started",
    *(name for name, kind in EVENT_TYPES.items() if kind in get_args(CoverageEvent)),
)


class StoredLog(HasRecords, HasBlobs, Protocol):
    """A session's log, of which any part can be read."""

    async def lines(self, after: int, limit: int) -> bytes:
        """Stored lines with seq > `after`; none behind the last."""
        ...


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A request that was made again."""

    called: ModelCalled
    """The question as the log has it."""
    called_seq: int
    """The record of the question."""
    agent: Agent
    """The agent as far as the log says it: its name, its model, and how much of a session it sees."""
    frame: Frame
    """What stood around the conversation."""
    window: WindowUse
    """The records from which the conversation was made."""
    request: ModelRequest
    """What comes out."""
    sha256: str
    """Over the whole of it, as `ModelCalled.request_sha256`."""
    lost_blobs: tuple[str, ...] = ()
    """Blobs that the request needs and that are absent or changed."""
    forgotten: bool = False
    """A text that it had was forgotten since."""

    @property
    def is_equal(self) -> bool:
        """Whether these are the bytes that were sent."""
        return self.sha256 == self.called.request_sha256


async def rebuild_newest(log: StoredLog, state: SessionState) -> Rebuilt:
    """The newest request up to the record of this state. Raises as `rebuild`."""
    question = await _find(log, state.session_id, state.seq)
    if question is None:
        raise InvalidRequest(f"no model was asked yet in session '{state.session_id}'")
    return await _made_again(log, state.session_id, state.agent, question)


async def rebuild(log: StoredLog, session_id: str, agent_name: str, at: int) -> Rebuilt:
    """The newest request at or before record `at`.

    Raises InvalidRequest where there is none, or none whose frame is recorded; Damaged for a text that is lost.
    """
    question = await _find(log, session_id, at)
    if question is None:
        raise InvalidRequest(f"no model was asked at or before record {at}")
    return await _made_again(log, session_id, agent_name, question)


async def _made_again(log: StoredLog, session_id: str, agent_name: str, question: "_Question") -> Rebuilt:
    called = question.called
    frame_event = await _with_texts(log, question.frame_seq, PromptSet)
    recalled = await _with_texts(log, question.recalled_seq, MemoryRecalled) if question.recalled_seq else None
    agent, frame = set_again(frame_event, agent_name)
    records = [record async for record in _between(log, called.first_seq, called.input_seq)]
    state = SessionState(session_id, seq=called.input_seq, turn=OpenTurn(called.turn, question.trigger))
    coverage = await _coverage(log, session_id, agent, called.input_seq)
    material = Material(
        records=records,
        from_start=not records or records[0].seq <= max(question.oldest, coverage.boundary + 1),
        opening=await opening_of(_Upto(log, called.input_seq), state, records),
        trigger=question.trigger,
        past=await past_of(log, coverage, agent, frame),
        recalled=recalled,
        taken=_taken(frame_event),
    )
    blobs = _Blobs(log)
    made = await assembled(agent, frame, material, blobs)
    return Rebuilt(
        called=called,
        called_seq=question.seq,
        agent=agent,
        frame=frame,
        window=made.window,
        request=made.request,
        sha256=made.sha256,
        lost_blobs=tuple(dict.fromkeys(blobs.lost)),
        forgotten=_has_forgotten(frame_event, recalled, records),
    )


# --- what the log says of the question ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Question:
    seq: int
    called: ModelCalled
    frame_seq: int
    trigger: int
    oldest: int
    """The first record of the log."""
    recalled_seq: int = 0
    """What memory gave, written with it; 0 for nothing."""


async def _find(log: StoredLog, session_id: str, at: int) -> _Question | None:
    found: _Question | None = None
    frames: dict[str, int] = {}
    triggers: dict[str, int] = {}
    oldest, before = 0, Record(0, "", TurnStarted(turn="", trigger=0))
    async for record in _marks(log, session_id, at):
        oldest = oldest or record.seq
        match record.event:
            case PromptSet() as frame:
                frames[frame.frame_sha256] = record.seq
            case TurnStarted() as started:
                triggers[started.turn] = started.trigger
            case ModelCalled() as called:
                trigger = triggers.get(called.turn, called.input_seq + 1)
                found = _Question(record.seq, called, frames.get(called.frame_sha256, 0), trigger, oldest)
                if _belongs(before, record.seq, called):
                    found.recalled_seq = before.seq
        before = record
    if found is not None and not (found.called.frame_sha256 and found.frame_seq):
        raise InvalidRequest(
            f"the question at record {found.seq} is of a version that did not record what stood around the "
            "conversation, so it cannot be made again"
        )
    return found


def _belongs(before: Record, seq: int, called: ModelCalled) -> bool:
    """Whether that record is what memory gave for this question. A copy of a log has no marks of what came at once."""
    event = before.event
    return (
        isinstance(event, MemoryRecalled)
        and event.turn == called.turn
        and before.seq == seq - 1
        and event.upto_seq <= called.input_seq < before.seq
    )


async def _coverage(log: StoredLog, session_id: str, agent: Agent, upto: int) -> Coverage:
    """What summaries, pins and goals stood for at that record."""
    if agent.spec.session.context.summaries == "off":
        return ALL_SHOWN
    at = ALL_SHOWN
    async for record in _marks(log, session_id, upto):
        if isinstance(record.event, CoverageEvent):
            at = covered(at, record.seq, record.event)
    return at


async def _marks(log: StoredLog, session_id: str, upto: int) -> AsyncIterator[Record]:
    """The first record, and those that tell of questions, without texts that were moved out."""
    seed, after = crc_seed(session_id), 0
    while after < upto and (lines := await log.lines(after, LINES)):
        first = split_lines(lines)[:1] if after == 0 else []
        for line in [*first, *split_lines(lines_of_types(lines, _TYPES))]:
            record = decode(line, seed)
            if record.seq <= upto:
                yield record
        after = last_seq(lines)


async def _with_texts(log: StoredLog, seq: int, kind: type[_Kind]) -> _Kind:
    for record in await log.read_records(seq - 1, 1):
        if isinstance(record.event, kind):
            return record.event
    raise InvalidRequest(f"record {seq} is not what it was a moment ago")


async def _between(log: StoredLog, first: int | None, last: int) -> AsyncIterator[Record]:
    after = last if first is None else first - 1
    while after < last and (records := await log.read_records(after, min(LINES, last - after))):
        for record in records:
            if record.seq <= last:
                yield record
        after = records[-1].seq


@dataclass(frozen=True, slots=True)
class _Upto:
    """A log up to a record."""

    log: HasRecords
    last: int

    async def read_records(self, after: int, limit: int) -> list[Record]:
        return [record for record in await self.log.read_records(after, limit) if record.seq <= self.last]


@dataclass(frozen=True, slots=True)
class _Blobs:
    """Blobs of a log; those that are lost are remembered."""

    log: HasBlobs
    lost: list[str] = field(default_factory=list)

    async def blob(self, sha256: str) -> bytes:
        try:
            return await self.log.blob(sha256)
        except Damaged:
            self.lost.append(sha256)
            raise


def _taken(event: PromptSet) -> TakenFiles | None:
    files = event.files
    if not files:
        return None
    return TakenFiles(files["images"], files["pdfs"], FileLimits(**files["limits"]))


def _has_forgotten(frame: PromptSet, recalled: MemoryRecalled | None, records: list[Record]) -> bool:
    texts = [each.text for each in frame.sections]
    texts += [
        event.text for event in (recalled, *(each.event for each in records)) if isinstance(event, MemoryRecalled)
    ]
    return FORGOTTEN in texts

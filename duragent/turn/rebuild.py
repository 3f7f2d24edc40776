"""A request that was sent, made again from the log alone: no agent's file, no tool and no index is looked at.

The law of this file: it reads what was recorded with the question, and hands it to the same `assembled` that made it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, get_args

from duragent.agent.load import Agent
from duragent.context.build import Frame, WindowUse
from duragent.context.known_talk import KnownTalk
from duragent.context.prompt_set import set_again
from duragent.errors import Damaged, InvalidRequest
from duragent.journal.covered import ALL_SHOWN, Coverage, CoverageEvent, covered
from duragent.journal.events import (
    EVENT_TYPES,
    FORGOTTEN,
    HistoryRedacted,
    MemoryRecalled,
    ModelCalled,
    PromptSet,
    TurnStarted,
)
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
    redacted: tuple[int, ...] = ()
    """Its records out of which a person has taken texts since; only looked for when it is not equal."""

    @property
    def is_equal(self) -> bool:
        """Whether these are the bytes that were sent."""
        return self.sha256 == self.called.request_sha256


@dataclass(frozen=True, slots=True)
class _Question:
    seq: int
    called: ModelCalled
    frame_seq: int
    trigger: int
    oldest: int
    """The first record of the log."""
    coverage: Coverage
    """What summaries, pins and goals stood for at that question."""
    recalled_seq: int = 0
    """What memory gave, written with it; 0 for nothing."""


async def rebuild(log: StoredLog, session_id: str, agent_name: str, at: int) -> Rebuilt:
    """The newest request at or before record `at`.

    Raises InvalidRequest where there is none, or none whose frame is recorded; Damaged for a text that is lost.
    """
    question = await _newest(log, session_id, at)
    if question is None:
        raise InvalidRequest(f"no model was asked at or before record {at}")
    return await _Rebuilding(log, session_id, agent_name).of(question)


async def rebuild_newest(log: StoredLog, state: SessionState) -> Rebuilt:
    """The newest request up to the record of this state. Raises as `rebuild`."""
    question = await _newest(log, state.session_id, state.seq)
    if question is None:
        raise InvalidRequest(f"no model was asked yet in session '{state.session_id}'")
    return await _Rebuilding(log, state.session_id, state.agent).of(question)


async def _newest(log: StoredLog, session_id: str, at: int) -> _Question | None:
    newest: _Question | None = None
    async for question in _questions(log, session_id, at):
        newest = question
    if newest is not None and not newest.frame_seq:
        raise InvalidRequest(
            f"the question at record {newest.seq} is of a version that did not record what stood around the "
            "conversation, so it cannot be made again"
        )
    return newest


async def rebuild_all(log: StoredLog, session_id: str, agent_name: str, upto: int) -> AsyncIterator[Rebuilt]:
    """Every request up to that record whose frame is recorded, in their order: the log is gone through once.

    Raises Damaged for a text that is lost.
    """
    rebuilding = _Rebuilding(log, session_id, agent_name)
    async for question in _questions(log, session_id, upto):
        if question.frame_seq:
            yield await rebuilding.of(question)


class _Rebuilding:
    """Makes requests of one session again; what one has in common with the one before it is read once."""

    def __init__(self, log: StoredLog, session_id: str, agent_name: str) -> None:
        self._log, self._session_id, self._agent_name = log, session_id, agent_name
        self._window, self._known, self._single = _Window(log), KnownTalk(), _Single(log)

    async def of(self, question: _Question) -> Rebuilt:
        """Raises Damaged for a text that is lost."""
        called, log = question.called, self._log
        frame_event = await _with_texts(self._single, question.frame_seq, PromptSet)
        recalled = await _with_texts(log, question.recalled_seq, MemoryRecalled) if question.recalled_seq else None
        agent, frame = set_again(frame_event, self._agent_name)
        records = await self._window.between(called.first_seq, called.input_seq)
        state = SessionState(self._session_id, seq=called.input_seq, turn=OpenTurn(called.turn, question.trigger))
        coverage = ALL_SHOWN if agent.spec.session.context.summaries == "off" else question.coverage
        material = Material(
            records=records,
            from_start=not records or records[0].seq <= max(question.oldest, coverage.boundary + 1),
            opening=await opening_of(_Upto(log, called.input_seq), state, records),
            trigger=question.trigger,
            past=await past_of(self._single, coverage, agent, frame),
            recalled=recalled,
            taken=_taken(frame_event),
        )
        blobs = _Blobs(log)
        made = await assembled(agent, frame, material, blobs, self._known)
        made_again = Rebuilt(
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
        if made_again.is_equal:
            return made_again
        seen = {question.frame_seq, question.recalled_seq, *(record.seq for record in records), *self._single.seqs}
        redacted = sorted(seen & await _redacted(log, self._session_id))
        return replace(made_again, redacted=tuple(seq for seq in redacted if seq < question.seq))


# --- what the log says of the question ------------------------------------------------------------------------------


async def _questions(log: StoredLog, session_id: str, upto: int) -> AsyncIterator[_Question]:
    """All up to that record, in their order."""
    frames: dict[str, int] = {}
    triggers: dict[str, int] = {}
    covers = [(0, ALL_SHOWN)]
    oldest, before = 0, Record(0, "", TurnStarted(turn="", trigger=0))
    async for record in _marks(log, session_id, upto):
        oldest = oldest or record.seq
        match record.event:
            case PromptSet() as frame:
                frames[frame.frame_sha256] = record.seq
            case TurnStarted() as started:
                triggers[started.turn] = started.trigger
            case ModelCalled() as called:
                yield _Question(
                    seq=record.seq,
                    called=called,
                    frame_seq=frames.get(called.frame_sha256, 0) if called.frame_sha256 else 0,
                    trigger=triggers.get(called.turn, called.input_seq + 1),
                    oldest=oldest,
                    coverage=next(at for seq, at in reversed(covers) if seq <= called.input_seq),
                    recalled_seq=before.seq if _belongs(before, record.seq, called) else 0,
                )
            case _ if isinstance(record.event, CoverageEvent):
                covers.append((record.seq, covered(covers[-1][1], record.seq, record.event)))
            case _:
                pass
        before = record


def _belongs(before: Record, seq: int, called: ModelCalled) -> bool:
    """Whether that record is what memory gave for this question. A copy of a log has no marks of what came at once."""
    event = before.event
    return (
        isinstance(event, MemoryRecalled)
        and event.turn == called.turn
        and before.seq == seq - 1
        and event.upto_seq <= called.input_seq < before.seq
    )


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


async def _redacted(log: StoredLog, session_id: str) -> set[int]:
    """The records out of which a person has taken texts, by what the log says of that at its end."""
    seed, after, found = crc_seed(session_id), 0, set[int]()
    while lines := await log.lines(after, LINES):
        for line in split_lines(lines_of_types(lines, ("history_redacted",))):
            event = decode(line, seed).event
            found |= set(event.seqs) if isinstance(event, HistoryRedacted) else set()
        after = last_seq(lines)
    return found


async def _with_texts(log: HasRecords, seq: int, kind: type[_Kind]) -> _Kind:
    for record in await log.read_records(seq - 1, 1):
        if isinstance(record.event, kind):
            return record.event
    raise InvalidRequest(f"record {seq} is not what it was a moment ago")


class _Window:
    """The records of a request: those of the one before it, from another first one on, and new ones."""

    def __init__(self, log: HasRecords) -> None:
        self._log, self._records = log, list[Record]()

    async def between(self, first: int | None, last: int) -> list[Record]:
        """From `first` to `last`; None: none of them."""
        if first is None:
            return []
        if not self._records or not self._records[0].seq <= first <= self._records[-1].seq + 1:
            self._records = []
        else:
            self._records = [record for record in self._records if record.seq >= first]
        after = self._records[-1].seq if self._records else first - 1
        while after < last and (records := await self._log.read_records(after, min(LINES, last - after))):
            self._records += records
            after = records[-1].seq
        return [record for record in self._records if record.seq <= last]


class _Single:
    """Frames, and records that stand for the past: each is read once."""

    def __init__(self, log: HasRecords) -> None:
        self._log, self._known = log, dict[int, list[Record]]()

    @property
    def seqs(self) -> set[int]:
        """Of what was read."""
        return {record.seq for records in self._known.values() for record in records}

    async def read_records(self, after: int, limit: int) -> list[Record]:
        if after not in self._known:
            self._known[after] = await self._log.read_records(after, limit)
        return self._known[after]


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

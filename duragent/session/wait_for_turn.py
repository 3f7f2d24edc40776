"""What became of a message: the end of the turn that took it up, or that it waits for a person."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from duragent.bus import Block
from duragent.errors import DuragentError
from duragent.journal.events import (
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionClosed,
    TurnEnded,
    TurnOutcome,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.watch import LogHead, Watched

WAITS = "approval-required"
"""`Answered.code` of a turn that stands still until a person decides."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How the turn ended. `reply` is its last answer, `partial_text` what a cancelled one had said, at `reply_seq`."""

    outcome: TurnOutcome
    reply: ModelReplied | None = None
    reply_seq: int = 0
    code: str = ""
    reason: str = ""
    partial_text: str = ""
    partial_id: str = ""


@dataclass(slots=True)
class AnswerSearch:
    """Feed it the records behind the message `seq`, in order, until it has `found` an answer.

    A turn that was paused is found too, and replaced by a later one that takes the message up again.
    """

    seq: int
    found: Answered | None = None
    taken: set[str] = field(default_factory=set)
    _reply: ModelReplied | None = None
    _reply_seq: int = 0
    _partial: ModelFailed | None = None
    _partial_seq: int = 0

    def take_all(self, records: Iterable[Record]) -> None:
        for record in records:
            if self.found is None or self.found.outcome == "paused":
                self._take(record)

    def _take(self, record: Record) -> None:
        event = record.event
        match event:
            case TurnStarted(trigger=trigger) if trigger == self.seq:
                # The turn is for this message even if it ends before any question.
                self.taken.add(event.turn)
            case ModelCalled(input_seq=input_seq) if input_seq >= self.seq:
                self.taken.add(event.turn)
            case ModelReplied() if event.turn in self.taken:
                self._reply, self._reply_seq = event, record.seq
            case ModelFailed(error="cancelled") if event.turn in self.taken:
                self._partial, self._partial_seq = event, record.seq
            case TurnEnded() if event.turn in self.taken:
                self.found = self._ended(event)
            case SessionClosed() if not self.taken:
                # No turn begins after this, and the one that is under way asks no more questions.
                self.found = Answered("cancelled", reason=event.reason or "the session was closed")
            case _:
                pass

    def _ended(self, event: TurnEnded) -> Answered:
        partial = self._partial
        return Answered(
            event.outcome,
            self._reply,
            self._reply_seq or self._partial_seq,
            event.code,
            event.reason,
            partial.partial_text if partial else "",
            (partial.message_id or "") if partial else "",
        )


class Followed(Protocol):
    """A session, as far as an answer needs it."""

    @property
    def state(self) -> SessionState: ...
    @property
    def problem(self) -> DuragentError | None: ...
    def watch(self, after: int) -> AbstractAsyncContextManager[AsyncIterator[Watched]]: ...
    async def records(self, lines: bytes) -> list[Record]: ...


async def wait_for_turn(session: Followed, search: AnswerSearch, after: int) -> tuple[Answered | None, int]:
    """Watch until there is an answer, or the watch ends; with the seq up to which it has seen."""
    async with session.watch(after) as items:
        async for item in items:
            if isinstance(item, Block):
                search.take_all(await session.records(item.lines))
                after = item.last_seq
            if search.found and search.found.outcome != "paused":
                return search.found, after
            if isinstance(item, LogHead) or after < session.state.seq:
                continue
            # A turn that was paused long ago may have gone on since; only the newest state tells.
            state = session.state
            if state.paused:
                return search.found or Answered("paused", reason=state.pause_reason), after
            if state.asks is not None:
                return Answered("paused", code=WAITS, reason="a person has to decide about a tool call"), after
            if session.problem is not None:
                break
    return None, after

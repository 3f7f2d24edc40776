"""What the model was shown last, as far as the next question has to know it. Its folds. Pure."""

from dataclasses import dataclass, replace

from duragent.journal.covered import ALL_SHOWN, Coverage, CoverageEvent, covered, grown
from duragent.journal.events.memory import MemoryRecalled, PromptSet, TextForgotten
from duragent.journal.events.turn import ModelCalled

ViewportEvent = PromptSet | MemoryRecalled | TextForgotten | CoverageEvent
"""The events that change it."""


@dataclass(frozen=True, slots=True)
class LastQuestion:
    """The newest question, as far as it says what a provider may remember of it."""

    at: str = ""
    """The `ts` of its record; "" before the first one."""
    boundary: int = 0
    """Summaries stood for the records up to this one."""
    cut_seq: int | None = None
    """See `ModelCalled`."""


@dataclass(frozen=True, slots=True)
class Viewport:
    """What the model was shown last."""

    frame_sha256: str = ""
    """Of what stood around the conversation; "" before the first question that says it."""
    frame_seq: int = 0
    """The record that says so; 0 before there is one."""
    question: LastQuestion = LastQuestion()
    """The newest one."""
    recalled_upto: int = 0
    """The newest message that memory was searched for; 0 before there is one."""
    forgotten: tuple[int, ...] = ()
    """The records that name texts which were forgotten."""
    coverage: Coverage = ALL_SHOWN
    """What stands for the records before the boundary, and what is pinned and aimed at."""


NOTHING_SHOWN = Viewport()
"""Before the first question."""


def viewed(at: Viewport, seq: int, event: ViewportEvent) -> Viewport:
    """The same after record `seq`."""
    match event:
        case PromptSet():
            return replace(at, frame_sha256=event.frame_sha256, frame_seq=seq)
        case MemoryRecalled():
            return replace(at, recalled_upto=max(at.recalled_upto, event.upto_seq))
        case TextForgotten():
            return replace(at, forgotten=(*at.forgotten, seq))
        case _:
            return replace(at, coverage=covered(at.coverage, seq, event))


def longer(at: Viewport, event: object, ts: str) -> Viewport:
    """The same with one more record behind the boundary."""
    if isinstance(event, ModelCalled):
        at = replace(at, question=LastQuestion(ts, at.coverage.boundary, event.cut_seq))
    coverage = grown(at.coverage, event)
    return at if coverage is at.coverage else replace(at, coverage=coverage)

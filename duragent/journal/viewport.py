"""What the model was shown last, as far as the next question has to know it. Its folds. Pure."""

from dataclasses import dataclass, replace

from duragent.journal.covered import ALL_SHOWN, Coverage, CoverageEvent, covered, grown
from duragent.journal.events.memory import MemoryRecalled, PromptSet, TextForgotten

ViewportEvent = PromptSet | MemoryRecalled | TextForgotten | CoverageEvent
"""The events that change it."""


@dataclass(frozen=True, slots=True)
class Viewport:
    """What the model was shown last."""

    frame_sha256: str = ""
    """Of what stood around the conversation; "" before the first question that says it."""
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
            return replace(at, frame_sha256=event.frame_sha256)
        case MemoryRecalled():
            return replace(at, recalled_upto=max(at.recalled_upto, event.upto_seq))
        case TextForgotten():
            return replace(at, forgotten=(*at.forgotten, seq))
        case _:
            return replace(at, coverage=covered(at.coverage, seq, event))


def longer(at: Viewport, event: object) -> Viewport:
    """The same with one more record behind the boundary."""
    coverage = grown(at.coverage, event)
    return at if coverage is at.coverage else replace(at, coverage=coverage)

"""The frame of a benchmark: what is compared, in which rounds, and whether it is good enough.

The law: a baseline is measured in the same rounds as ours, one after the other, so that whatever slows the machine
slows both. Figures are medians over the rounds.
"""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Callable[[], Awaitable[float]]
"""Measures one round: a figure in the row's unit."""

Unit = Literal["ms", "s", "/s", "MB", "share", "tokens"]
"""A share is of 1."""
Direction = Literal["least", "most"]


@dataclass(frozen=True)
class Goal:
    """`of` says what is held against the limit: ours through the baseline, ours less the baseline, or ours alone."""

    of: Literal["ratio", "added", "ours"]
    at: Direction
    limit: float

    def value(self, baseline: float, ours: float) -> float:
        match self.of:
            case "ratio":
                return ours / baseline
            case "added":
                return ours - baseline
            case "ours":
                return ours

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.at == "least" else value <= self.limit


@dataclass(frozen=True)
class Row:
    """What is measured, and against what. A row may be there without a goal, for orientation."""

    topic: str
    what: str
    against: str
    unit: Unit
    goal: Goal | None = None
    note: str = ""


@dataclass(frozen=True)
class Result:
    """A row with the figures of its rounds, in order."""

    row: Row
    baseline: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.baseline)

    @property
    def value(self) -> float | None:
        """What is held against the goal."""
        if self.row.goal is None:
            return None
        return self.row.goal.value(statistics.median(self.baseline), statistics.median(self.ours))

    @property
    def reached(self) -> bool | None:
        value = self.value
        return None if self.row.goal is None or value is None else self.row.goal.holds(value)


@dataclass(frozen=True)
class Effort:
    """How much is measured. `quick` only shows that the program works: its figures mean nothing."""

    quick: bool = False

    def of(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True)
class Spread:
    """Some figures in short."""

    median: float
    least: float
    most: float
    rounds: int


def spread(figures: Sequence[float]) -> Spread:
    return Spread(statistics.median(figures), min(figures), max(figures), len(figures))


def percentile(figures: Sequence[float], percent: int) -> float:
    """The smallest figure that is not smaller than so many percent of them."""
    ordered = sorted(figures)
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


async def compare(row: Row, rounds: int, baseline: Side, ours: Side, *, warm_up: int = 1) -> Result:
    """Measure both in turn. Every second round begins with ours: to be first may be an advantage."""
    found: dict[Side, list[float]] = {baseline: [], ours: []}
    for number in range(-warm_up, rounds):
        for side in (baseline, ours) if number % 2 == 0 else (ours, baseline):
            figure = await side()
            if number >= 0:
                found[side].append(figure)
    return Result(row, tuple(found[baseline]), tuple(found[ours]))


@dataclass(frozen=True)
class Bench:
    """What a topic is given: how much to measure, and a folder of its own on the disk that is measured."""

    effort: Effort
    folder: Path
    locomo: Path | None = None
    """The data of LoCoMo, where somebody has it."""

    def place(self, name: str) -> Path:
        """A new folder."""
        path = self.folder / name
        path.mkdir(parents=True)
        return path

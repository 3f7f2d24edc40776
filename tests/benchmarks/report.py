"""What was found, as a table for people and as JSON for programs."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.benchmarks.measure import Goal, Result, Unit, spread

_SIGNS = {"least": "≥", "most": "≤"}


@dataclass(frozen=True)
class Machine:
    """Where the figures are from."""

    date: str
    kernel: str
    python: str
    cpus: int
    cpu: str
    file_system: str
    load: float

    def sentence(self) -> str:
        return (
            f"{self.date}, kernel {self.kernel}, Python {self.python}, {self.cpus} x {self.cpu}, {self.file_system}, "
            f"load {self.load:.1f} at the start"
        )


def machine(folder: Path) -> Machine:
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        kernel=platform.release(),
        python=platform.python_version(),
        cpus=len(os.sched_getaffinity(0)),
        cpu=_cpu(),
        file_system=_file_system(folder),
        load=os.getloadavg()[0],
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    """The type of the file system that is mounted nearest above the folder."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(len(fields[1]), fields[2]) for fields in mounts if folder.resolve().is_relative_to(fields[1])]
    return max(above, default=(0, "unknown"))[1]


def figure(value: float, unit: Unit) -> str:
    """As a person reads it."""
    if unit == "share":
        return f"{value:.3f}"
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{shown}{unit}" if unit == "/s" else f"{shown} {unit}"


def goal_text(goal: Goal, unit: Unit) -> str:
    sign = _SIGNS[goal.at]
    match goal.of:
        case "ratio":
            return f"{sign} {goal.limit:g} x"
        case "added":
            return f"{sign} + {goal.limit:g} {unit}"
        case "ours":
            return f"{sign} {goal.limit:,g}" if unit == "share" else f"{sign} {goal.limit:,g} {unit}"


def cells(result: Result) -> tuple[str, ...]:
    """The row of the table."""
    row, unit = result.row, result.row.unit
    of_baseline, of_ours = spread(result.baseline), spread(result.ours)
    ratio = f"{result.ratio:.2f} x" if result.ratio < 100 else f"{result.ratio:,.0f} x"
    if row.goal is not None and row.goal.of == "added":
        ratio = f"+ {figure(max(of_ours.median - of_baseline.median, 0), unit)}"
    goal, reached = ("", "") if row.goal is None else (goal_text(row.goal, unit), "yes" if result.reached else "NO")
    between = f"{figure(of_ours.least, unit)} to {figure(of_ours.most, unit)}"
    baseline = f"{row.against}: {figure(of_baseline.median, unit)}"
    what = f"{row.what} ({row.note})" if row.note else row.what
    return what, baseline, figure(of_ours.median, unit), between, ratio, goal, reached


HEADINGS = ("what", "baseline", "ours", "least to most", "ratio", "goal", "reached")


def show(console: Console, results: list[Result]) -> None:
    if not console.is_terminal:
        console.file.write("\t".join(HEADINGS) + "\n")
        console.file.writelines("\t".join(cells(result)) + "\n" for result in results)
        return
    table = Table(*HEADINGS)
    for result in results:
        style = {True: "green", False: "bold red", None: ""}[result.reached]
        *rest, reached = cells(result)
        table.add_row(*map(Text, rest), Text(reached, style))
    console.print(table)


def as_markdown(machine: Machine, results: list[Result]) -> str:
    """For docs/performance.md."""
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *map(cells, results)]
    return "\n".join([f"{machine.sentence()}.", "", *(f"| {' | '.join(row)} |" for row in rows), ""])


def as_json(machine: Machine, results: list[Result]) -> str:
    return json.dumps({"machine": asdict(machine), "rows": [_fields(result) for result in results]}, indent=2) + "\n"


def _fields(result: Result) -> dict[str, Any]:
    return {
        **asdict(result.row),
        "baseline": {**asdict(spread(result.baseline)), "figures": result.baseline},
        "ours": {**asdict(spread(result.ours)), "figures": result.ours},
        "ratio": result.ratio,
        "value": result.value,
        "reached": result.reached,
    }

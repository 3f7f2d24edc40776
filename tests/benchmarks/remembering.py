"""What a memory adds to a turn at the HTTP door: the same stub provider, an agent without a memory, and one with notes.

The law: both agents are in one server each of the same run, and answer the same questions of the corpus in turn.
"""

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tests.benchmarks.children import child, cpu_ms, rss_mb, running, workspace_for
from tests.benchmarks.measure import Bench, Goal, Result, Row, percentile
from tests.benchmarks.recall_speed import made_notes
from tests.benchmarks.turns import Turns
from tests.benchmarks.wire import Address, Wire, new_session
from tests.corpus.load import CorpusNote, recall_set
from tests.support.real_server import RealServer
from tests.support.until import until_sync

_A_FILE = 200
_INDEX_SECONDS = 120.0
_MEMORY = "\n  memory: {}"


async def rows(bench: Bench) -> AsyncIterator[Result]:
    with child("provider") as provider:
        without = workspace_for(bench.place("without-memory"), provider_port=provider.port)
        remembers = workspace_for(bench.place("remembers"), provider_port=provider.port, more=_MEMORY)
        count = bench.effort.of(10_000, 200)
        write_notes(remembers.workspace / "agents" / "assistant" / "memory", made_notes(count))
        with running(without) as plain, running(remembers) as ours:
            _wait_for_index(remembers, ours)
            figures = _compared(bench, plain, ours)
            for result in _results(figures, count):
                yield result
            yield _late(remembers, count)
            row = Row("remembering", f"a server after turns with {count:,} notes", "an agent without memory", "MB")
            yield Result(row, (rss_mb(plain.pid),), (rss_mb(ours.pid),))
            row = Row(
                "remembering",
                "SQLite in a server without spec.memory, mapped files",
                "of one with it",
                "share",
                Goal("ours", "most", 0),
            )
            yield Result(row, (_sqlite_files(ours.pid),), (_sqlite_files(plain.pid),))


def write_notes(folder: Path, notes: Sequence[CorpusNote]) -> None:
    """As files of days."""
    daily = folder / "daily"
    daily.mkdir(parents=True)
    for number, at in enumerate(range(0, len(notes), _A_FILE)):
        day = f"20{10 + number // 300:02}-{number // 25 % 12 + 1:02}-{number % 25 + 1:02}"
        parts = [
            f"## {each // 60 % 24:02}:{each % 60:02}\n\n{note.text}\n" for each, note in enumerate(notes[at:][:_A_FILE])
        ]
        (daily / f"{day}.md").write_text(f"# {day}\n\n" + "\n".join(parts))


Figures = tuple[list[float], list[float]]
"""(without, with)"""


def _compared(bench: Bench, plain: Address, ours: Address) -> tuple[Figures, Figures]:
    """Milliseconds by the clock and of a core, to the first token of a new session."""
    clock: Figures = ([], [])
    cpu: Figures = ([], [])
    sides = (Turns(plain), Turns(ours))
    questions = itertools.cycle(recall_set("en").questions)
    for number in range(-3, bench.effort.of(120, 2)):
        question = next(questions).text
        for side in (0, 1) if number % 2 else (1, 0):
            by_clock = sides[side].first_token_of(question)
            of_core = sides[side].first_token_of(question, cpu_ms)
            if number >= 0:
                clock[side].append(by_clock)
                cpu[side].append(of_core)
    return clock, cpu


def _results(figures: tuple[Figures, Figures], count: int) -> list[Result]:
    clock, cpu = figures
    what, against = f"the first token with {count:,} notes", "no memory"
    found = []
    for name, (without, with_notes) in (("", clock), (", CPU time of the server", cpu)):
        for percent, most in ((50, 12.0), (99, 60.0)):
            row = Row("remembering", f"{what}{name}, p{percent}", against, "ms", Goal("added", "most", most))
            found.append(Result(row, (percentile(without, percent),), (percentile(with_notes, percent),)))
    return found


def _late(server: RealServer, count: int) -> Result:
    """Of all searches: how many gave nothing for lack of time."""
    found = _recalled(server)
    late = sum(fields.get("silent") == "late" for fields in found) / max(len(found), 1)
    row = Row("remembering", f"searches of {count:,} notes that were late", "all", "share", Goal("ours", "most", 0))
    return Result(row, (1.0,), (late,))


def _recalled(server: RealServer) -> list[dict[str, object]]:
    logs = server.sessions_dir.glob("*/events*.jsonl")
    lines = (line for log in logs for line in log.read_bytes().splitlines() if b'"type":"memory_recalled"' in line)
    return [json.loads(line) for line in lines]


def _wait_for_index(server: RealServer, address: Address) -> None:
    """The first search makes the index and is late; ask until one is not."""

    def found() -> bool:
        with Wire(address) as wire:
            wire.post(f"/api/v1/sessions/{new_session(address)}/messages", {"content": "Where is the kiln?"})
        return any(fields.get("silent") != "late" for fields in _recalled(server))

    until_sync(found, bound=_INDEX_SECONDS, pause=1.0, why="no index was made")


def _sqlite_files(pid: int) -> float:
    maps = Path(f"/proc/{pid}/maps").read_text()
    return float(len({line.split()[-1] for line in maps.splitlines() if "sqlite" in line}))

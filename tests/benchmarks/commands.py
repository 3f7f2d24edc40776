"""What a person waits for: commands of the CLI, and the list of very many sessions."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks.children import many_sessions, running, workspace_for
from tests.benchmarks.measure import Bench, Effort, Goal, Result, Row, compare
from tests.benchmarks.wire import Address, Wire

_TYPER = (sys.executable, "-c", "import typer")


async def rows(bench: Bench) -> AsyncIterator[Result]:
    effort = bench.effort
    rounds = effort.of(15, 1)
    server = workspace_for(bench.place("listed"))
    count = effort.of(10_000, 50)
    await many_sessions(server, count)
    with running(server) as address:
        what = f"duragent session list, of {count:,}"
        row = Row("commands", what, "import typer", "ms", Goal("ratio", "most", 2.5))
        listing = (*installed_duragent(), "session", "list", "--workspace", str(server.workspace))
        yield await compare(row, rounds, partial(run_to_end, _TYPER), partial(run_to_end, listing))
        async for result in _lists(effort, address, server.sessions_dir, count):
            yield result


def installed_duragent() -> tuple[str, ...]:
    """As a person starts it, where it is installed; else as a module."""
    installed = Path(sys.executable).with_name("duragent")
    return (str(installed),) if installed.exists() else (sys.executable, "-m", "duragent")


async def run_to_end(command: Sequence[str]) -> float:
    """Milliseconds from the start of a command to its end."""
    began = time.perf_counter()
    await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


async def _lists(effort: Effort, address: Address, sessions_dir: Path, count: int) -> AsyncIterator[Result]:
    async def every_log() -> float:
        began = time.perf_counter()
        for folder in sessions_dir.iterdir():
            if folder.is_dir():
                (folder / "events.jsonl").stat()
        return (time.perf_counter() - began) * 1000

    async def first_page() -> float:
        with Wire(address) as wire:
            began = time.perf_counter()
            wire.get("/api/v1/sessions")
            return (time.perf_counter() - began) * 1000

    async def every_page() -> float:
        query, seen = "?limit=200", 0
        with Wire(address) as wire:
            began = time.perf_counter()
            while query:
                page = wire.get(f"/api/v1/sessions{query}")
                seen += len(page["sessions"])
                query = f"?limit=200&cursor={page['next_cursor']}" if page.get("next_cursor") else ""
            milliseconds = (time.perf_counter() - began) * 1000
        if seen != count:
            raise RuntimeError(f"{seen} sessions were listed of {count}")
        return milliseconds

    rounds = effort.of(9, 1)
    goal = Goal("ratio", "most", 1.0)
    row = Row("commands", f"the newest 50 of {count:,} sessions", "stat of each log", "ms", goal)
    yield await compare(row, rounds, every_log, first_page)
    row = Row("commands", f"all {count:,} sessions, in pages of 200", "stat of each log", "ms")
    yield await compare(row, rounds, every_log, every_page)

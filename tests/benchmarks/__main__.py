"""`python3 -m tests.benchmarks [NAME…]`: measure, print the table, and end with 1 when a goal is missed.

Ratios are what counts: each baseline is measured in the same rounds as ours. Leave the machine alone meanwhile.
"""

import argparse
import compileall
import logging
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import uvloop
from rich.console import Console

import duragent
from tests.benchmarks import (
    appends,
    commands,
    long_chat,
    long_sessions,
    memory,
    prompts,
    recall,
    remembering,
    starts,
    streams,
    tools,
    turns,
    zones,
)
from tests.benchmarks.measure import Bench, Effort, Result
from tests.benchmarks.report import as_json, as_markdown, cells, machine, show

TOPICS: dict[str, Callable[[Bench], AsyncIterator[Result]]] = {
    "appends": appends.rows,
    "turns": turns.rows,
    "streams": streams.rows,
    "long_sessions": long_sessions.rows,
    "starts": starts.rows,
    "memory": memory.rows,
    "prompts": prompts.rows,
    "commands": commands.rows,
    "tools": tools.rows,
    "recall": recall.rows,
    "remembering": remembering.rows,
    "long_chat": long_chat.rows,
    "zones": zones.rows,
}


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    names = asked.names or list(TOPICS)
    if unknown := [name for name in names if name not in TOPICS]:
        _parser().error(f"there is no topic {', '.join(unknown)}; there are {', '.join(TOPICS)}")
    console = Console()
    logging.disable(logging.WARNING)
    # As an installation does; without it each process that is started would compile every file again.
    compileall.compile_dir(Path(duragent.__file__).parent, quiet=2)
    with tempfile.TemporaryDirectory(prefix="duragent-benchmark-", dir=asked.folder) as name:
        here = machine(Path(name))
        sys.stderr.write(f"{here.sentence()}\n")
        results = uvloop.run(_measure(names, Bench(Effort(asked.quick), Path(name), asked.locomo)))
    console.print(here.sentence(), highlight=False, soft_wrap=True)
    show(console, results)
    if asked.json:
        asked.json.write_text(as_json(here, results))
    if asked.markdown:
        asked.markdown.write_text(as_markdown(here, results))
    return int(any(result.reached is False for result in results))


async def _measure(names: Sequence[str], bench: Bench) -> list[Result]:
    results = []
    for name in names:
        async for result in TOPICS[name](bench):
            results.append(result)
            what, baseline, ours, _, ratio, goal, reached = cells(result)
            sys.stderr.write(f"{name}: {what}: {baseline}, ours {ours}, {ratio} {goal} {reached}\n")
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"topics: {', '.join(TOPICS)}; without any, all")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures to this file")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the table as Markdown to this file")
    parser.add_argument("--locomo", type=Path, metavar="PATH", help="LoCoMo's locomo10.json, for the topic recall")
    parser.add_argument("--quick", action="store_true", help="only show that it works; the figures mean nothing")
    parser.add_argument("--folder", type=Path, help="measure the disk that this folder is on (a real one, no tmpfs)")
    return parser


if __name__ == "__main__":
    # Ends what runs, as Ctrl-C does: servers are not left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())

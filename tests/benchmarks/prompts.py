"""How soon a person can type: from the start of a program on a terminal to its first prompt, and to its help."""

import asyncio
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks.children import START_SECONDS, running, workspace_for
from tests.benchmarks.commands import installed_duragent, run_to_end
from tests.benchmarks.measure import Bench, Goal, Result, Row, compare

_TYPER = (sys.executable, "-c", "import typer")
_BARE = (sys.executable, "-c", "from prompt_toolkit import PromptSession; PromptSession('> ').prompt()")
_PROMPT = re.compile(rb"\x1b\[\?2004h.*>", re.DOTALL)
"""Pasting is told apart from typing from the first prompt on."""
_END = re.compile(rb"(?!)")
_ENDS_A_CHAT = b"\x04"


async def rows(bench: Bench) -> AsyncIterator[Result]:
    rounds = bench.effort.of(15, 1)
    ours = installed_duragent()
    row = Row("prompts", "duragent --help", "import typer", "ms", Goal("ratio", "most", 1.5))
    yield await compare(row, rounds, partial(run_to_end, _TYPER), partial(run_to_end, (*ours, "--help")))
    folder = bench.place("prompts")
    server = workspace_for(folder)
    with running(server):
        chat = (*ours, "chat", "--workspace", str(server.workspace))
        row = Row("prompts", "duragent chat, to its prompt", "prompt_toolkit alone", "ms", Goal("ratio", "most", 5.0))
        yield await compare(row, rounds, partial(_to_prompt, _BARE, folder), partial(_to_prompt, chat, folder))


async def _to_prompt(command: Sequence[str], folder: Path) -> float:
    return await asyncio.to_thread(_at_terminal, command, folder)


def _at_terminal(command: Sequence[str], folder: Path) -> float:
    """Milliseconds to the first prompt."""
    screen, terminal = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, cwd=folder, env=_environ(), start_new_session=True
    )
    os.close(terminal)
    try:
        _read_until(screen, _PROMPT, began + START_SECONDS)
        milliseconds = (time.perf_counter() - began) * 1000
        os.write(screen, _ENDS_A_CHAT)
        _read_until(screen, _END, began + START_SECONDS)
    finally:
        process.kill()
        process.wait()
        os.close(screen)
    return milliseconds


def _environ() -> Mapping[str, str]:
    # No terminal here answers the questions that programs ask it.
    return {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "80", "LINES": "24"}


def _read_until(screen: int, mark: re.Pattern[bytes], deadline: float) -> None:
    """Until the mark was written, or the program has ended."""
    written = b""
    while not mark.search(written):
        ready, _, _ = select.select([screen], [], [], max(deadline - time.perf_counter(), 0))
        if not ready:
            raise RuntimeError(f"nothing more came after {written!r}")
        try:
            piece = os.read(screen, 65_536)
        except OSError:  # Linux says EIO when the other side has closed
            piece = b""
        if not piece:
            if mark is _END:
                return
            raise RuntimeError(f"it ended after {written!r}")
        written += piece

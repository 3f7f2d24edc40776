"""Markdown pages, their marked blocks, and a shell in which those blocks run.

A block counts when an HTML comment stands on the line before its fence:

    <!-- test: run -->          a shell block, or with ```python a program, is run in the page's folder
    <!-- test: output -->       what the block before it must have printed; `…` stands for anything
    <!-- test: file NAME -->    is written to that file in the page's folder
    <!-- test: terminal -->     a dialogue on a real terminal (`dialogue.py`)

The blocks of a page run one after another, in one folder and one shell. Port 8080 is replaced by a free one.
"""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.bounds import LIMIT_SECONDS
from tests.support.environment import without_models
from tests.support.places import ROOT

_BLOCK = re.compile(r"^<!-- test: (?P<what>[^\n]+?) -->\n```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.M)
_END = "--- end of block ---"
_PLAIN_PYTHON = Path(sys.executable).resolve()


@dataclass(frozen=True)
class Block:
    what: str
    language: str
    text: str


def pages() -> list[Path]:
    """Every page that people read, but for the licence."""
    folders = ("*.md", "docs/**/*.md", "tests/campaigns/*.md", ".duragent.example/**/*.md")
    return sorted(page for folder in folders for page in ROOT.glob(folder))


def blocks(page: Path) -> list[Block]:
    return [Block(m["what"], m["language"], m["text"]) for m in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def pages_with_blocks() -> Iterator[Path]:
    return (page for page in pages() if blocks(page))


def environment(folder: Path) -> dict[str, str]:
    """A machine with duragent on its PATH and without any model."""
    programs = folder / ".bin"
    programs.mkdir()
    for name, arguments in {"duragent": "-m duragent", "python": "", "python3": ""}.items():
        program = programs / name
        # A sandbox has a /tmp of its own: an environment that lies there is not to be seen in it.
        plain = f'[ -x "{sys.executable}" ] || exec "{_PLAIN_PYTHON}" {arguments} "$@"\n'
        program.write_text(f'#!/bin/sh\n{plain}exec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    machine = without_models(folder)
    return machine | {"PATH": f"{programs}:{machine['PATH']}", "LC_ALL": "C.UTF-8"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Shell:
    """One bash for all blocks of a page. A command that fails ends it, and the test."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._port = free_port()
        self._script = folder.parent / "block.sh"
        self._process = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environ),
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # With everything that a block has started in the background.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait(LIMIT_SECONDS)

    def ported(self, text: str) -> str:
        """The text with this page's own port."""
        return text.replace("8080", str(self._port))

    def run(self, text: str) -> str:
        """What the commands print, stdout and stderr together. Raises AssertionError when one fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Not on the shell's own stdin: commands would read what comes behind them.
        self._script.write_text(self.ported(text), encoding="utf-8")
        self._process.stdin.write(f". {self._script} < /dev/null\necho '{_END}'\n".encode())
        self._process.stdin.flush()
        printed, deadline = b"", time.monotonic() + LIMIT_SECONDS
        while not printed.endswith(f"{_END}\n".encode()):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._process.stdout.fileno(), 65_536) if ready else b""
            assert piece, f"a command failed or did not end in:\n{text}\nIt printed:\n{printed.decode()}"
            printed += piece
        return printed.decode().removesuffix(f"{_END}\n").replace(str(self._port), "8080")


def matches(wanted: str, printed: str) -> bool:
    """Whether the text is the wanted one, where `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in wanted.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None

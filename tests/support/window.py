"""A person's window: a program on a pty, and a terminal emulator that shows what the person would see.

`Terminal` (beside this module) has what a program wrote. A `Window` has what came of it on a screen of a certain size,
and in the scrollback above: what was drawn over is gone, and what does not fit is broken as on a real terminal.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.bounds import LIMIT_SECONDS

SETTLE_SECONDS = 20.0
"""What is drawn in several writes is whole by then, on a slow machine too."""
_NOT_OF_PYTE = re.compile(r"\x1b\[[<=>][0-9;:]*[A-Za-z]|\x1bP[^\x1b]*\x1b\\")
"""Keyboard modes and questions that a terminal may leave alone, and that pyte takes for something else."""
_BACKGROUND = re.compile(r"\x1b\]11;\?(?:\x07|\x1b\\)")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]P][^\x07\x1b]*\x1b?)?$")
_HISTORY = 20_000
LIGHT, DARK = "rgb:ffff/ffff/ffff", "rgb:0000/0000/0000"


class Size(NamedTuple):
    """Of a window, in letters."""

    columns: int
    rows: int

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}"


@dataclass(frozen=True)
class Letter:
    """One cell of the screen: colours are names of pyte's or six hexadecimal digits."""

    text: str
    front: str
    back: str
    reverse: bool


class Window:
    """Use it as a context manager; what still runs at the end is killed."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        size: Size,
        *,
        background: str = "",
    ) -> None:
        """`background`: what the terminal answers when it is asked for it (OSC 11); "" for one that never answers."""
        pyte = pytest.importorskip("pyte", reason="the terminal emulator of `.[dev]` is not installed")
        self._screen, terminal = pty.openpty()
        self._set_size(size)
        self._background = background
        hidden = ("COLUMNS", "LINES", "PROMPT_TOOLKIT_NO_CPR")
        environ = {"TERM": "xterm-256color", **{name: environ[name] for name in environ if name not in hidden}}
        # A session leader has the first terminal that it opens for its own: Ctrl-C and new sizes come as signals.
        own = ["sh", "-c", 'terminal=$1; shift; exec "$@" <"$terminal" >"$terminal" 2>&1', "sh", os.ttyname(terminal)]
        self._process = subprocess.Popen(
            [*own, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environ,
            start_new_session=True,
        )
        self._terminal = terminal
        self._emulator: Any = pyte.HistoryScreen(size.columns, size.rows, history=_HISTORY, ratio=0.001)
        self._emulator.write_process_input = self._answer
        self._stream: Any = pyte.Stream(self._emulator)
        self._rest = b""
        self.raw = ""
        """Everything that was written, with its escape sequences."""

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._screen >= 0:
            os.close(self._screen)
            self._screen = -1
        self._close_terminal()

    # --- what the person does ---------------------------------------------------------------------------------------

    def type(self, keys: str) -> None:
        """All of it, however long: the program is read meanwhile, or both would wait for each other."""
        data = keys.encode()
        deadline = time.monotonic() + LIMIT_SECONDS
        os.set_blocking(self._screen, False)
        try:
            while data:
                assert time.monotonic() < deadline, f"{len(data)} bytes are not taken:\n{self.text}"
                _, free, _ = select.select([], [self._screen], [], 0.01)
                with suppress(BlockingIOError):
                    data = data[os.write(self._screen, data[:4096]) :] if free else data
                self._read(0)
        finally:
            os.set_blocking(self._screen, True)

    def paste(self, text: str) -> None:
        """As terminals do it that bracket what is pasted."""
        carriage = text.replace("\n", "\r")
        self.type(f"\x1b[200~{carriage}\x1b[201~")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def size(self) -> Size:
        return Size(self._emulator.columns, self._emulator.lines)

    def resize(self, size: Size) -> None:
        """As xterm does it: lines do not flow, and what has no room above the cursor goes into the scrollback."""
        emulator = self._emulator
        if size.rows < emulator.lines:
            row, column = self.cursor
            for _ in range(row - size.rows + 1):
                emulator.cursor.y = emulator.lines - 1
                emulator.index()
            for below in range(size.rows, emulator.lines):
                emulator.buffer.pop(below, None)
            emulator.lines = size.rows
            emulator.cursor.y, emulator.cursor.x = min(row, size.rows - 1), column
        emulator.resize(size.rows, size.columns)
        self._set_size(size)

    # --- what the person sees ---------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        """The screen, from its first line to the last one that has something."""
        shown = [line.rstrip() for line in self._emulator.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def everything(self) -> str:
        """The scrollback and the screen."""
        above = (_line_of(line, self._emulator.columns) for line in self._emulator.history.top)
        return "\n".join([*(line.rstrip() for line in above), *self.lines])

    @property
    def letters(self) -> Iterator[Letter]:
        """What is on the screen, without empty cells in the usual colours."""
        for row in range(self._emulator.lines):
            for column in range(self._emulator.columns):
                cell = self._emulator.buffer[row][column]
                if cell.data.strip() or cell.bg != "default":
                    yield Letter(cell.data, cell.fg, cell.bg, cell.reverse)

    @property
    def cursor(self) -> tuple[int, int]:
        """Its row and column, from 0."""
        return self._emulator.cursor.y, self._emulator.cursor.x

    def see(self, pattern: str) -> str:
        """Waits until the pattern is on the screen; spaces and ends of lines count as one space."""
        return self._find(pattern, lambda: self.text)

    def find(self, pattern: str) -> str:
        """Waits until the pattern is on the screen or in the scrollback."""
        return self._find(pattern, lambda: self.everything)

    def until(self, condition: Callable[[], object], why: str, seconds: float = LIMIT_SECONDS) -> None:
        """Waits until it is true of the window."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{why}; the window shows:\n{self.framed}")

    def settle(self, wrong: Callable[[], str]) -> None:
        """Waits until nothing is wrong: a moment, for what is just being drawn."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while sentence := wrong():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"{sentence}; the window shows:\n{self.framed}")
            self._read(0.05)

    def end(self) -> int:
        """Waits for the program's end and gives its exit code."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.framed}"
            self._read(0.02)
        self._close_terminal()
        while self._read(0):
            pass
        return self._process.wait()

    @property
    def framed(self) -> str:
        edge = "-" * self._emulator.columns
        rows = [line.ljust(self._emulator.columns) for line in self._emulator.display]
        return "\n".join([f"+{edge}+", *(f"|{row}|" for row in rows), f"+{edge}+"])

    # --- the pty ----------------------------------------------------------------------------------------------------

    def _find(self, pattern: str, shown: Callable[[], str]) -> str:
        compiled = re.compile(pattern.replace(" ", r"\s+"), re.DOTALL)
        found: list[str] = []

        def seen() -> bool:
            match = compiled.search(shown())
            found.extend([match[0]] if match else [])
            return bool(match)

        self.until(seen, f"{pattern!r} does not appear")
        return found[0]

    def _read(self, seconds: float) -> bool:
        """One piece, if there is one within this time; False when there was none."""
        ready, _, _ = select.select([self._screen], [], [], max(seconds, 0))
        try:
            piece = os.read(self._screen, 65_536) if ready else b""
        except OSError:  # Linux says EIO when the other side has closed
            piece = b""
        if piece:
            self._show(piece)
        return bool(piece)

    def _show(self, piece: bytes) -> None:
        data = self._rest + piece
        text = data.decode("utf-8", "ignore")
        whole = len(text.encode()) == len(data)
        self._rest = b"" if whole else data[len(text.encode()) :]
        if unfinished := _UNFINISHED.search(text):
            text, self._rest = text[: unfinished.start()], unfinished[0].encode() + self._rest
        self.raw += text
        if self._background and _BACKGROUND.search(text):
            self._answer(f"\x1b]11;{self._background}\x1b\\")
        self._stream.feed(_NOT_OF_PYTE.sub("", text))

    def _answer(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def _set_size(self, size: Size) -> None:
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))

    def _close_terminal(self) -> None:
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1


def _line_of(line: Mapping[int, Any], columns: int) -> str:
    """Behind a wide letter comes a cell without any."""
    return "".join(line[column].data if column in line else " " for column in range(columns))

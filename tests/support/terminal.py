"""A person at a terminal: a program on a pty, what it has written so far, and keys."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.bounds import LIMIT_SECONDS

_ESCAPES = re.compile(r"\x1b(\[[<>0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][0-9A-B]?)")


class Terminal:
    """Use it as a context manager; what still runs at the end is killed."""

    def __init__(self, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self._screen, terminal = pty.openpty()
        # No terminal here answers the question where the cursor is.
        environ = {**environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "100", "LINES": "30"}
        self._process = subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, cwd=folder, env=environ, start_new_session=True
        )
        os.close(terminal)
        self._written = b""
        self._seen = 0

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._screen)

    @property
    def text(self) -> str:
        return _ESCAPES.sub("", self._written.decode("utf-8", "replace"))

    def type(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def expect(self, pattern: str) -> str:
        """Waits until the pattern appears behind what was expected last."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (match := re.compile(pattern, re.DOTALL).search(self.text, self._seen)):
            if time.monotonic() > deadline or not self._read():
                raise AssertionError(f"{pattern!r} did not appear in:\n{self.text}")
        self._seen = match.end()
        return match[0]

    def end(self) -> int:
        """Waits for the program's end and gives its exit code."""
        while self._read():
            pass
        return self._process.wait(LIMIT_SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._screen], [], [], LIMIT_SECONDS)
        try:
            piece = os.read(self._screen, 65_536) if ready else b""
        except OSError:  # Linux says EIO when the other side has closed
            piece = b""
        self._written += piece
        return bool(piece)

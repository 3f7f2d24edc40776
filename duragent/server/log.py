"""The server's log: lines on stderr, which may be a file on a disk that is full."""

import contextlib
import logging
import os
import sys
from typing import IO, Any

from duragent.errors import InvalidRequest


class StderrHandler(logging.Handler):
    """Writes each line at once and unbuffered. A line that cannot be written is lost, and nothing else comes of it."""

    def __init__(self, stream: IO[Any] | None = None) -> None:
        """`stream` None: whatever stderr is at that moment."""
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError):
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
            os.write((self._stream or sys.stderr).fileno(), line)


def log_to_stderr() -> None:
    """Raises InvalidRequest when DURAGENT_LOG names no level."""
    level = os.environ.get("DURAGENT_LOG", "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        raise InvalidRequest(f"DURAGENT_LOG: '{level[:40]}' is none of DEBUG, INFO, WARNING and ERROR")
    handler = StderrHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("duragent")
    log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False

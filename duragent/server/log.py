"""The server's log: lines on stderr, which may be a file on a disk that is full."""

import contextlib
import logging
import os
import sys

from duragent.errors import InvalidRequest


class StderrHandler(logging.Handler):
    """Writes each line at once and unbuffered. A line that cannot be written is lost, and nothing else comes of it."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError):
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
            os.write(sys.stderr.fileno(), line)


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

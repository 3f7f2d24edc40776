"""Servers that a test has left running: a test that fails does not reach the line that stops its server."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from duragent.client.server_process import is_gone
from tests.support.until import until_sync

STOP_SECONDS = 30.0
"""A server has more than it needs for its turns and its answers; one that hangs is killed."""


def end_servers(folder: Path) -> None:
    """Kill the servers that say somewhere below this folder where they are, if they still run."""
    for pid, _ in _left(folder):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def stop_servers(folder: Path) -> None:
    """As `duragent serve stop` for each of them, without the start of a program; what does not stop is killed."""
    for pid, _ in _left(folder):
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    with suppress(AssertionError):
        until_sync(lambda: not list(_left(folder)), bound=STOP_SECONDS)
    end_servers(folder)


def _left(folder: Path) -> Iterator[tuple[int, str]]:
    """The start of a process tells a server apart from a later process that got the id of a dead one."""
    for path in list(folder.rglob("server.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            address = json.loads(path.read_text())
            # A server may also run in the process of the test itself.
            if address["pid"] != os.getpid() and not is_gone(address["pid"], address["started_at"]):
                yield address["pid"], address["started_at"]

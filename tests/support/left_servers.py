"""Servers that a test has left running: a test that fails does not reach the line that stops its server."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

from duragent.client.server_process import is_gone


def end_servers(folder: Path) -> None:
    """Kill the servers that say somewhere below this folder where they are, if they still run.

    The start of the process tells them apart from a later process that got the id of a dead one.
    """
    for path in folder.rglob("server.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            address = json.loads(path.read_text())
            # A server may also run in the process of the test itself.
            if address["pid"] != os.getpid() and not is_gone(address["pid"], address["started_at"]):
                os.kill(address["pid"], signal.SIGKILL)

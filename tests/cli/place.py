"""A folder to work in, and the commands as programs against a real server."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.bounds import LIMIT_SECONDS
from tests.support.environment import without_models
from tests.support.left_servers import stop_servers
from tests.support.terminal import Terminal
from tests.support.until import until_sync

DURAGENT = [sys.executable, "-m", "duragent"]


class Place:
    """A folder to work in, and the environment of a machine without any model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = without_models(folder)

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*DURAGENT, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environ,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    def terminal(self, *arguments: str) -> Terminal:
        return Terminal([*DURAGENT, *arguments], self.folder, self.environ)

    def kill_server(self) -> None:
        address = json.loads((self.folder / ".duragent/run/server.json").read_text())
        os.kill(address["pid"], signal.SIGKILL)

    def end(self) -> None:
        """No server is left running, whatever the test did to it."""
        stop_servers(self.folder)

    def until_a_partial_answer(self) -> None:
        partials = ".duragent/sessions/*/partial.jsonl"
        until_sync(lambda: any(path.stat().st_size for path in self.folder.glob(partials)))

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("session", "list", "--json").stdout)
        return found

    def ids(self) -> list[str]:
        """Of all sessions, oldest first, without a server."""
        return sorted(path.name for path in self.folder.glob(".duragent/sessions/session_*"))

    def log(self, session_id: str) -> list[dict[str, Any]]:
        lines = (self.folder / ".duragent/sessions" / session_id / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

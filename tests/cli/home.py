"""A workspace with one session, whose commands run in this process beside a real server."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cli.commands import Command
from tests.support.environment import with_source
from tests.support.logs import spoil
from tests.support.until import until_sync

DAMAGED = 65


class Home:
    """A workspace with one session, `first`, of nine records; and the server that was needed to make it."""

    def __init__(self, folder: Path, run: Command) -> None:
        self.folder, self.run = folder, run
        run("init", "--no-interactive")
        assert run("ask", "assistant", "repeat hi").code == 0
        [self.first] = [path.name for path in self.root.iterdir() if not path.name.startswith(".")]
        self.head = len(self.log.read_bytes().splitlines())

    @property
    def root(self) -> Path:
        return self.folder / ".duragent" / "sessions"

    @property
    def log(self) -> Path:
        return self.root / self.first / "events.jsonl"

    @property
    def short(self) -> str:
        """The id without its beginning, as people may write it."""
        return self.first.removeprefix("session_")

    def sessions(self) -> dict[str, dict[str, Any]]:
        return {each["session_id"]: each for each in json.loads(self.run("session", "list", "--json").out)}

    def wait_for_summary(self) -> None:
        """Return when `state.yaml` is as new as the log. The server writes it a moment after the answer."""
        path = self.root / self.first / "state.yaml"
        until_sync(lambda: path.exists() and f"last_seq: {self.head}" in path.read_text())

    def stop(self) -> None:
        assert self.run("serve", "stop").code == 0

    def spoil(self, seq: int) -> None:
        spoil(self.log.parent, seq)

    def program(
        self, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "duragent", *arguments]
        environ = with_source(**more)
        return subprocess.run(command, input=stdin, capture_output=True, cwd=self.folder, env=environ, check=False)

"""A server with a worker in this process, and a person at its commands."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duragent.cli import main
from tests.cli.commands import Ran
from tests.support.environment import with_source
from tests.support.http_house import House
from tests.support.terminal import Terminal


class Desk:
    """A server with a worker, and a person at its commands."""

    def __init__(self, house: House, folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.house, self.folder, self.url, self._capsys = house, folder, url, capsys

    async def run(self, *arguments: str) -> Ran:
        """In a pipe."""
        code = await asyncio.to_thread(main.run, [*arguments, "--server", self.url])
        printed = self._capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    async def at_terminal(self, arguments: list[str], play: Callable[[Terminal], None]) -> None:
        environ = with_source(USER="me", LOGNAME="me")
        command = [sys.executable, "-m", "duragent", *arguments, "--server", self.url]

        def played() -> None:
            with Terminal(command, self.folder, environ) as terminal:
                play(terminal)

        await asyncio.to_thread(played)

    async def decided(self, session_id: str) -> list[dict[str, Any]]:
        return [record for record in await self.house.log(session_id) if record["type"] == "approval_decided"]

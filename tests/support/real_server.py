"""A real server process on a workspace of its own, that tests start, kill and start again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from duragent.client.address import Endpoint, TokenSource, read_announcement
from duragent.client.client import Client
from duragent.client.find import find_server
from duragent.config import load_config
from duragent.journal.record import Record
from duragent.stores.files.reader import FileLogReader
from duragent.wire import Answer, SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import write_agent
from tests.support.until import until, until_sync


@dataclass
class RealServer:
    """`start` returns when it is ready; `process` is the newest one. Its log is beside the workspace."""

    workspace: Path
    process: subprocess.Popen[bytes] | None = None
    environ: dict[str, str] = field(default_factory=dict)
    starts: int = 0
    config: Path | None = None
    tokens: TokenSource = field(default_factory=TokenSource)
    program: tuple[str, ...] = ("-m", "duragent")
    prefix: tuple[str, ...] = ()

    @property
    def sessions_dir(self) -> Path:
        return self.workspace / "sessions"

    @property
    def log(self) -> Path:
        return self.workspace.parent / "server.log"

    def spawn(self, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process and do not wait for anything."""
        place = ["--config", str(self.config)] if self.config else ["--workspace", str(self.workspace)]
        command = [*self.prefix, sys.executable, *self.program, "serve", *place, "--port", "0"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environ() | dict(environ or {})
            )

    def _environ(self) -> dict[str, str]:
        keys = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "DURAGENT_CRASHPOINT")
        return {name: value for name, value in os.environ.items() if name not in keys} | self.environ

    def start(self, environ: Mapping[str, str] | None = None) -> None:
        self.process = self.spawn(environ)
        self.starts += 1
        until_sync(self._is_announced, why=f"{self.log} says why it is not ready")

    def _is_announced(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        announced = read_announcement(self.workspace)
        return announced is not None and bool(announced.key) and announced.address.pid == self.process.pid

    async def wait_until_dead(self) -> None:
        assert self.process is not None
        process = self.process
        await until(lambda: process.poll() is not None)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(LIMIT_SECONDS)

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_SECONDS)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    # --- talking to it ----------------------------------------------------------------------------------------------

    async def locate(self, *, wanted: bool = False) -> Endpoint:
        return await find_server(self.workspace, self.tokens)

    def client(self) -> Client:
        """Finds the server again after each restart."""
        return Client(self.locate, patience_seconds=LIMIT_SECONDS)

    # --- its files --------------------------------------------------------------------------------------------------

    def events_file(self, session_id: str) -> Path:
        return self.sessions_dir / session_id / "events.jsonl"

    def records(self, session_id: str) -> list[Record]:
        """What the log on disk holds, verified: a fault raises Damaged."""
        return list(FileLogReader(self.sessions_dir).read(session_id))

    def kinds(self, session_id: str) -> list[str]:
        return [record.event.type for record in self.records(session_id)]


def make_workspace(
    folder: Path, rest: str = "", *, provider: str = "demo", config: Mapping[str, object] | None = None
) -> RealServer:
    """A workspace with the agent `assistant`; `rest` is what follows `provider:` in its agent.yaml."""
    server = RealServer(folder / ".duragent")
    write_agent(server.workspace / "agents", rest=rest, provider=provider)
    if config is not None:
        server.config = folder / "duragent.yaml"
        # JSON is YAML too.
        server.config.write_text(json.dumps(config))
        server.tokens = TokenSource(load_config(server.config, {}).server.api_token)
    return server


async def is_ready(client: Client) -> bool:
    """The server has nothing to complain about. What a look at its disk found out is believed for two seconds."""
    return (await client.ready()).status == "ok"


async def is_idle(client: Client, session_id: str) -> bool:
    """No turn of the session is under way."""
    return (await client.session(session_id)).status == "active"


async def told(client: Client, session_id: str, text: str, key: str | None = None) -> Answer:
    """The answer to this message, for which no person has to decide anything first."""
    found = await client.ask(session_id, SendMessage(content=text), key=key)
    assert isinstance(found, Answer)
    return found

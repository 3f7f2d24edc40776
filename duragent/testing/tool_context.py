"""A `ToolContext` for tests of tools: a folder, and commands that really run; and sessions with given messages.

    context = context_in(tmp_path, closed=(tmp_path / "token",))
    result = await tool.run(tool.parse('{"path": "a.txt"}'), context)

Commands run on this machine without a sandbox, each in a process group of its own.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import IO, Any

from duragent.agent.load import Agent
from duragent.agent.spec import AgentSpec, Metadata, ModelSpec
from duragent.errors import SessionNotFound
from duragent.process.base import Ending, Finished, Output
from duragent.sandboxes.base import Command
from duragent.tools.base import CallInfo, Places, ResultFile, Sibling, ToolContext

CLEAN_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

_GRACE_SECONDS = 1.0


class LocalCommands:
    """`Commands` of one call, run by this process. `commands` lists what was started, in order."""

    def __init__(self, keep_bytes: int = 1 << 20) -> None:
        self.commands: list[Command] = []
        self._keep_bytes = keep_bytes
        self._process: asyncio.subprocess.Process | None = None
        self._run: asyncio.Task[Finished] | None = None
        self._ended_by_us = False

    async def run(self, command: Command, *, timeout_seconds: float) -> Finished:
        """As `Commands.run` promises; the second one is given the first one's end."""
        if self._run is None:
            self.commands.append(command)
            self._run = asyncio.create_task(self._to_the_end(command, timeout_seconds))
        return await asyncio.shield(self._run)

    async def end(self) -> None:
        """Stop it; nothing happens when it has ended already."""
        if self._run is None:
            return
        self._ended_by_us = not self._run.done()
        await self._stop()
        await asyncio.wait({self._run})

    async def _to_the_end(self, command: Command, timeout_seconds: float) -> Finished:
        started = time.monotonic()
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            stdin.write(command.stdin)
            stdin.seek(0)
            try:
                self._process = await _start(command, stdin, out, err)
            except OSError as error:
                return Finished("exited", None, Output(), Output(), error=f"{command.argv[0]}: {error.strerror}")
            ending = await self._wait(timeout_seconds)
            code = self._process.returncode
            return Finished(
                "cancelled" if self._ended_by_us else ending,
                code if code is None or code >= 0 else None,
                self._output(out),
                self._output(err),
                time.monotonic() - started,
                -code if code is not None and code < 0 else None,
            )

    async def _wait(self, timeout_seconds: float) -> Ending:
        assert self._process is not None
        try:
            await asyncio.wait_for(self._process.wait(), timeout_seconds)
        except TimeoutError:
            await self._stop()
            return "timeout"
        return "exited"

    async def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()

    def _output(self, file: IO[bytes]) -> Output:
        size, half = file.seek(0, os.SEEK_END), self._keep_bytes // 2
        file.seek(0)
        if size <= self._keep_bytes:
            return Output(file.read(), b"", size)
        head = file.read(half)
        file.seek(size - half)
        return Output(head, file.read(), size)


async def _start(command: Command, stdin: IO[bytes], out: IO[bytes], err: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=command.folder,
        env=dict(command.env),
        stdin=stdin,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


@dataclass(frozen=True, slots=True)
class ToldSessions:
    """A `SessionsPort` that knows what it was given."""

    known: tuple[Sibling, ...] = ()
    texts: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    outputs: Mapping[str, bytes] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    async def siblings(self, limit: int) -> Sequence[Sibling]:
        return self.known[:limit]

    async def read(self, session_id: str, limit: int) -> Sequence[tuple[str, str]]:
        if session_id not in self.texts:
            raise SessionNotFound(session_id)
        return tuple(self.texts[session_id])[-limit:]

    async def output(self, call: str) -> bytes | None:
        return self.outputs.get(call)

    async def attached(self, name: str) -> ResultFile | None:
        content = self.files.get(name)
        return None if content is None else ResultFile(name, content)


def context_in(folder: Path, **overrides: Any) -> ToolContext:
    """A context whose working directory and workspace is `folder`, which must exist.

    An override is a field of `ToolContext` or of `Places`: `context_in(tmp_path, commands=mine, frozen=(agents,))`.
    Paths are given as `Places` wants them: absolute, symlinks resolved.
    """
    real = folder.resolve(strict=True)
    named = {each.name for each in fields(Places)}
    of_places = {name: value for name, value in overrides.items() if name in named}
    places = replace(Places(real, real, real / ".duragent" / "agents" / "assistant"), **of_places)
    context = ToolContext(
        agent=agent_in(places.agent_folder),
        places=places,
        call=CallInfo("session_01test", "call_1", 1, "session_01test:call_1"),
        commands=LocalCommands(),
        confined=_Unconfined(places.folder),
    )
    return replace(context, **{name: value for name, value in overrides.items() if name not in named})


def agent_in(folder: Path, spec: AgentSpec | None = None) -> Agent:
    """An agent of the demo model; its folder need not exist."""
    spec = spec or AgentSpec(model=ModelSpec(provider="demo"))
    return Agent(folder.name, folder, Metadata(name=folder.name), spec, "", "", "", "0" * 16)


@dataclass(frozen=True, slots=True)
class _Unconfined:
    folder: Path

    def __call__(
        self,
        argv: Sequence[str],
        *,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> Command:
        return Command(tuple(argv), folder or self.folder, {**CLEAN_ENV, **(env or {})}, stdin)

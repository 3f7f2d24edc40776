"""A short program of our own that is run beside the server: bounded in time and output, and killed when not wanted.

For what reads hostile input (patterns, web pages) and what ripgrep does faster. The commands of an agent are no such
programs; they go through `ToolContext.commands`.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ENV = {"PATH": os.defpath, "LANG": "C.UTF-8"}
_KEPT_ERRORS = 4096
_CHUNK = 1 << 16
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ChildLimits:
    seconds: float
    output_bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What the program wrote."""

    output: bytes
    """Its standard output."""
    errors: str
    """The end of its standard error."""
    code: int | None
    """None when it was killed: because of `limit`, or by a signal."""
    limit: str = ""
    """The limit that it went over; "" when none."""


async def run_child(argv: Sequence[str | Path], folder: Path | str, limits: ChildLimits, stdin: bytes = b"") -> Ended:
    """Run it to its end or to a limit. Raises OSError when it cannot be started."""
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=folder, env=_ENV, stdin=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    try:
        return await _followed(process, limits)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await _until_gone(process)


async def _until_gone(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process that was killed. asyncio sees it only when its pipes are read to the end."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            for stream in (process.stdout, process.stderr):
                while stream is not None and await stream.read(_CHUNK):
                    pass
            await process.wait()


async def _followed(process: asyncio.subprocess.Process, limits: ChildLimits) -> Ended:
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = bytearray(), bytearray()
    telling = asyncio.create_task(_keep_start(process.stderr, errors))
    try:
        async with asyncio.timeout(limits.seconds):
            if await _keep(process.stdout, output, limits.output_bytes):
                return Ended(bytes(output), _text(errors), None, "too much output")
            code = await process.wait()
            await telling
    except TimeoutError:
        return Ended(bytes(output), _text(errors), None, f"stopped after {limits.seconds:g} seconds")
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    return Ended(bytes(output), _text(errors), code if code >= 0 else None)


async def _keep(stream: asyncio.StreamReader, kept: bytearray, most: int) -> bool:
    """Read up to `most` bytes; whether there are more."""
    while chunk := await stream.read(_CHUNK):
        kept += chunk
        if len(kept) > most:
            del kept[most:]
            return True
    return False


async def _keep_start(stream: asyncio.StreamReader, kept: bytearray) -> None:
    """Read to the end: who has more to say than is kept must not be held up."""
    while chunk := await stream.read(_CHUNK):
        kept += chunk[: max(_KEPT_ERRORS - len(kept), 0)]


def _text(errors: bytearray) -> str:
    return errors.decode("utf-8", "replace").strip()

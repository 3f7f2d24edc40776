"""The clipboard of the person: a program of this machine where there is one, else the terminal itself (OSC 52).

Images are read from it, too: a terminal pastes text alone.
"""

import asyncio
import base64
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress

from duragent.file_types import ATTACHMENT_MAX_BYTES, IMAGES, media_type_of

TERMINAL_BYTES = 74_994
"""What xterm takes; others take more."""
WAIT_SECONDS = 2.0
_MARK_BYTES = 64
_PRINTED_MAX_BYTES = 2 * ATTACHMENT_MAX_BYTES + 100
"""Two letters a byte, on a Mac."""
_PROGRAMS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--input", "--clipboard")),
)
_READERS = (
    ("WAYLAND_DISPLAY", ("wl-paste", "--no-newline", "--type", "image/png")),
    ("DISPLAY", ("xclip", "-selection", "clipboard", "-target", "image/png", "-out")),
)
_MAC_READER = ("osascript", "-e", "the clipboard as «class PNGf»")
_MAC_ANSWER = re.compile(rb"PNGf([0-9A-F]+)")


async def copy(text: str, environ: Mapping[str, str], write: Callable[[str], None]) -> str:
    """Put the text into the clipboard; `write` sends a code to the terminal. Returns where it is, for people."""
    content = text.encode("utf-8", "replace")
    for command in programs(environ):
        if await _given(command, content):
            return f"in the clipboard ({command[0]})"
    # A terminal does not say whether it takes it; one at the other end of ssh does.
    write(f"\x1b]52;c;{base64.b64encode(content).decode()}\a")
    too_long = ", which may not take so much" if len(content) > TERMINAL_BYTES else ""
    return f"sent to the terminal's clipboard{too_long}"


def programs(environ: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The commands that take it on their stdin, in the order in which they are tried."""
    named: list[tuple[str, ...]] = []
    if environ.get("TMUX"):
        # tmux takes no OSC 52 of programs by default.
        named.append(("tmux", "load-buffer", "-w", "-"))
    elif not environ.get("SSH_CONNECTION"):
        named += [("pbcopy",)] if sys.platform == "darwin" else []
        named += [command for display, command in _PROGRAMS if environ.get(display)]
    return [command for command in named if shutil.which(command[0], path=environ.get("PATH"))]


async def image(environ: Mapping[str, str]) -> bytes | None:
    """The image in the clipboard; None without one, and where no program can read it."""
    commands: list[tuple[str, ...]] = [_MAC_READER] if sys.platform == "darwin" else []
    commands += [command for display, command in _READERS if environ.get(display)]
    for command in commands:
        if environ.get("SSH_CONNECTION") or not shutil.which(command[0], path=environ.get("PATH")):
            continue
        content = await _output(command)
        if command is _MAC_READER:
            found = _MAC_ANSWER.search(content)
            content = bytes.fromhex(found[1].decode()) if found else b""
        if media_type_of(content[:_MARK_BYTES]) in IMAGES and len(content) <= ATTACHMENT_MAX_BYTES:
            return content
    return None


async def _output(command: tuple[str, ...]) -> bytes:
    """What the command prints; b"" when it fails, or prints too much."""
    nothing = asyncio.subprocess.DEVNULL
    with suppress(OSError, TimeoutError), tempfile.TemporaryFile() as printed:
        process = await asyncio.create_subprocess_exec(*command, stdin=nothing, stdout=printed, stderr=nothing)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                code = await process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        if code == 0 and printed.seek(0, os.SEEK_END) <= _PRINTED_MAX_BYTES:
            printed.seek(0)
            return printed.read()
    return b""


async def _given(command: tuple[str, ...], content: bytes) -> bool:
    nothing = asyncio.subprocess.DEVNULL
    with suppress(OSError, TimeoutError):
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=nothing, stderr=nothing
        )
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await process.communicate(content)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        return process.returncode == 0
    return False

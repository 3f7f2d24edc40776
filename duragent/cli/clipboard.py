"""The clipboard of the person: a program of this machine where there is one, else the terminal itself (OSC 52)."""

import asyncio
import base64
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

TERMINAL_BYTES = 74_994
"""What xterm takes; others take more."""
WAIT_SECONDS = 2.0
_PROGRAMS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--input", "--clipboard")),
)


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

"""The person's pager from within a chat, which goes on meanwhile; where there is none, the lines are printed."""

import asyncio
import os
from collections.abc import Sequence

from prompt_toolkit.application import get_app

from duragent.cli.pager import ENVIRONMENT, command

NOT_FOUND = (126, 127)
"""What a shell exits with when there is no such program."""


async def page(lines: Sequence[str]) -> None:
    """Show them, and return when the pager has ended. The terminal must have been given away, see `Scrollback`."""
    text = "".join(f"{line}\n" for line in lines)
    pager = command(os.environ)
    if not pager or not await _shown_by(pager, text):
        output = get_app().output
        output.write_raw(text)
        output.flush()


async def _shown_by(pager: str, text: str) -> bool:
    # A shell, because PAGER may hold options; it is the person's own variable.
    process = await asyncio.create_subprocess_shell(
        pager, stdin=asyncio.subprocess.PIPE, env={**ENVIRONMENT, **os.environ}
    )
    try:
        # A pager that ends before it has read all of it is no fault: the person has seen enough.
        await process.communicate(text.encode("utf-8", "replace"))
    except asyncio.CancelledError:
        # The chat has ended: its terminal is not the pager's any more.
        if process.returncode is None:
            process.terminate()
        raise
    return process.returncode not in NOT_FOUND

"""The line that says that the server still loads what the model needs, while a person waits for an answer."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.errors import DuragentError

if TYPE_CHECKING:
    from duragent.client.client import Client

LOADING_SECONDS = 1.0
"""After so long it is said."""

LOADING = "loading what the model needs; the next question will not wait for it"


@asynccontextmanager
async def saying_what_loads(
    client: "Client", agent: str, *, seconds: float = LOADING_SECONDS, note: Callable[[str], None] | None = None
) -> AsyncIterator[None]:
    """Says it while the block runs, if it takes longer than `seconds`.

    `note` gets the line; None: stderr does, when that is a terminal.
    """
    if note is None and not view.on_terminal(sys.stderr):
        yield
        return
    saying = asyncio.create_task(_say(client, agent, seconds, note or view.note))
    try:
        yield
    finally:
        saying.cancel()
        await asyncio.wait({saying})


async def _say(client: "Client", agent: str, seconds: float, note: Callable[[str], None]) -> None:
    loading = asyncio.create_task(client.warm(agent))
    try:
        await asyncio.wait({loading}, timeout=seconds)
        if not loading.done():
            note(LOADING)
        with contextlib.suppress(DuragentError):
            await loading
    finally:
        loading.cancel()

"""Commands that no sandbox keeps from an agent's notes: it is not known who changed what changes while one runs.

The law: such a file is `unattributed` until a person saves it. No model is shown what stands in it, but for the notes
that the log of the mind knows by their text.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from duragent.errors import DuragentError
from duragent.mind.actor import Mind

_log = logging.getLogger(__name__)


@asynccontextmanager
async def watched(mind: Mind) -> AsyncIterator[None]:
    """For the time of a command. Raises what a write of the log raises, before the block."""
    if not mind.commands:
        await mind.reconcile("person")
    mind.commands += 1
    try:
        yield
    finally:
        try:
            await mind.reconcile("unattributed")
        except DuragentError as error:
            _log.warning("what a command changed in %s is not known: %s", mind.log.name, error)
        finally:
            mind.commands -= 1


async def look_again(mind: Mind) -> None:
    """A person may have saved what a command changed."""
    if not mind.commands and any(file.by == "unattributed" for file in mind.state.files.values()):
        await mind.reconcile("person")

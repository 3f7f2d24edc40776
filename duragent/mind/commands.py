"""Commands that no sandbox keeps from an agent's notes: it is not known who changed what changes while one runs.

The law: such a file is `unattributed` until a person saves it. No model is shown what stands in it, but for the notes
that the log of the mind knows by their text. Before the first command starts, the log says so: a start after a crash
knows that the changes it finds may be a command's.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError
from duragent.journal.mind.events import CommandsBegun, CommandsEnded
from duragent.mind.actor import Mind

_log = logging.getLogger(__name__)


@asynccontextmanager
async def watched(mind: Mind, *, attached: bool = False) -> AsyncIterator[None]:
    """For the time of a command. Raises what a write of the log raises, before the block.

    `attached`: the command was started by an earlier process, and may have changed files already.
    """
    await _begin(mind, attached=attached)
    try:
        yield
    finally:
        crashpoint("mind.command_ran")
        await _end(mind)


async def _begin(mind: Mind, *, attached: bool) -> None:
    if not mind.commands:
        await mind.reconcile(unattributed=attached)
    # Before anything else looks at the files: one that begins at the same time may do so while this one runs.
    mind.commands += 1
    try:
        # Also behind another one that runs: its record may not be durable yet.
        await mind.log.commit(lambda state: [] if state.commands else [CommandsBegun()])
    except BaseException:
        mind.commands -= 1
        raise


async def _end(mind: Mind) -> None:
    try:
        await mind.reconcile()
    except (DuragentError, OSError) as error:
        _log.warning("what a command changed in %s is not known: %s", mind.log.name, error)
        return
    finally:
        mind.commands -= 1
    await _ended(mind)


async def after_start(mind: Mind) -> None:
    """The first look at the files. Raises what a write of the log raises."""
    await mind.reconcile()
    await _ended(mind)


async def look_again(mind: Mind) -> None:
    """A person may have saved what a command changed; and what one did last may not be known yet."""
    if mind.commands:
        return
    if mind.state.commands or any(file.by == "unattributed" for file in mind.state.files.values()):
        await mind.reconcile()
        await _ended(mind)


async def _ended(mind: Mind) -> None:
    if mind.commands or not mind.state.commands:
        return
    try:
        await mind.log.commit(lambda state: [CommandsEnded()] if state.commands and not mind.commands else [])
    except DuragentError as error:
        _log.warning("%s does not say that no command runs any more: %s", mind.log.name, error)

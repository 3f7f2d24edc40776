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
    if not mind.commands:
        await mind.reconcile("unattributed" if attached else "person")
        await mind.log.commit(lambda state: [] if state.commands else [CommandsBegun()])
    mind.commands += 1
    try:
        yield
    finally:
        crashpoint("mind.command_ran")
        try:
            await mind.reconcile("unattributed")
        except DuragentError as error:
            _log.warning("what a command changed in %s is not known: %s", mind.log.name, error)
            mind.commands -= 1
        else:
            mind.commands -= 1
            await _ended(mind)


async def after_start(mind: Mind) -> None:
    """The first look at the files. Raises what a write of the log raises."""
    await mind.reconcile("unattributed" if mind.state.commands else "person")
    await _ended(mind)


async def look_again(mind: Mind) -> None:
    """A person may have saved what a command changed."""
    if not mind.commands and any(file.by == "unattributed" for file in mind.state.files.values()):
        await mind.reconcile("person")


async def _ended(mind: Mind) -> None:
    if mind.commands or not mind.state.commands:
        return
    try:
        await mind.log.commit(lambda state: [CommandsEnded()] if state.commands and not mind.commands else [])
    except DuragentError as error:
        _log.warning("%s does not say that no command runs any more: %s", mind.log.name, error)

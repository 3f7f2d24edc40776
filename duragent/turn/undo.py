"""Carrying out an undo that is in the log as asked for, up to the record of its end.

The law: each file is replaced only while it is what the log says, so that a second attempt after a crash changes
nothing twice, and what others did meanwhile stays.
"""

import asyncio
import logging
from functools import partial

from duragent.crashpoint import crashpoint
from duragent.errors import Damaged, DuragentError, StoreError
from duragent.journal.events import FileChange, FileRefused, FileUndo, UndoFinished, UndoRequested
from duragent.journal.state import OpenUndo
from duragent.tools.base import Places
from duragent.tools.files.restore import Restoring, restore
from duragent.tools.threads import in_pool
from duragent.turn.host import TurnHost
from duragent.turn.ports import Ports

_log = logging.getLogger(__name__)


async def finish_undo(host: TurnHost, ports: Ports, undo: OpenUndo) -> None:
    """Put back what is not back yet, and record how it went. Raises StoreFull, Unavailable: try again later."""
    restored: list[FileChange] = []
    refused: list[FileRefused] = []
    places = await _places(host, ports)
    for file in await _files(host, undo):
        why = file.refused or (places if isinstance(places, str) else await _restored(host, ports, file, places))
        if why:
            refused.append(FileRefused(path=file.path, why=why))
        else:
            restored.append(FileChange(path=file.path, before=file.now, after=file.then))
            crashpoint("undo.restored")
    finished = UndoFinished(turn=undo.turn, restored=tuple(restored), refused=tuple(refused))
    await host.commit(lambda state: [finished] if state.undoing == undo else [])


async def _files(host: TurnHost, undo: OpenUndo) -> tuple[FileUndo, ...]:
    for record in await host.read_records(undo.seq - 1, 1):
        if isinstance(record.event, UndoRequested):
            return record.event.files
    return ()


async def _places(host: TurnHost, ports: Ports) -> Places | str:
    """Where the agent's files are, or why that is not known."""
    try:
        agent = ports.agents.get(host.state.agent)
    except DuragentError as error:
        return f"where the agent works is not known: {error}"
    return await asyncio.to_thread(ports.workbench.places, agent)


async def _restored(host: TurnHost, ports: Ports, file: FileUndo, places: Places) -> str:
    """ "" when the file is as it was; else why not."""
    try:
        content = await ports.store.get_blob(host.claim, file.then) if file.then else None
        restoring = Restoring(file.path, file.now, file.then, content, file.mode)
        return await in_pool(partial(restore, restoring, places))
    except Damaged as error:
        return f"what was there is lost: {error}"
    except StoreError:
        raise
    except Exception as error:
        # One file must not keep the undo open for ever.
        _log.exception("%s cannot be put back", file.path)
        return f"unexpected {type(error).__name__}: {error}"

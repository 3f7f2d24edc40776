"""What an undo is to do: from the log and from the files as they are now. It is carried out by `turn.undo`."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from duragent.errors import NothingToUndo
from duragent.journal.admit import Already, admit
from duragent.journal.changes import TYPES, ChangesFold, FilePlan, TurnChanges, plan_of, undo_of
from duragent.journal.events import FileUndo
from duragent.journal.inputs import Undo
from duragent.journal.line import last_seq, lines_of_types
from duragent.journal.state import SessionState
from duragent.session.log_reader import LogReader
from duragent.stores.base import Claim
from duragent.system.os_errors import in_words
from duragent.tools.base import Places
from duragent.tools.files.paths import PathRefused
from duragent.tools.files.restore import look
from duragent.tools.threads import in_pool
from duragent.turn.ports import Ports

LINES = 2_000
"""Lines that are read at once."""


class ChangedSession(Protocol):
    """What is needed of a session to say what its agent changed."""

    @property
    def state(self) -> SessionState: ...
    @property
    def claim(self) -> Claim: ...
    @property
    def log(self) -> LogReader: ...


async def changes_of(session: ChangedSession, upto: int | None = None) -> ChangesFold:
    """What the agent changed, by all records up to one; only the records that say so are parsed."""
    fold, after = ChangesFold(), 0
    head = session.state.seq if upto is None else min(upto, session.state.seq)
    while after < head and (lines := await session.log.lines(after, min(LINES, head - after))):
        fold.take_all(await session.log.records(lines_of_types(lines, TYPES)))
        after = last_seq(lines)
    return fold


async def turn_to_undo(session: ChangedSession, wanted: str) -> TurnChanges:
    """The turn that `Undo.turn` means. Raises NothingToUndo."""
    fold = await changes_of(session)
    if not wanted:
        turn = fold.newest()
        if turn is None:
            raise NothingToUndo("the agent has changed no file here that is not undone yet")
        return turn
    turn = fold.at(int(wanted)) if wanted.isascii() and wanted.isdigit() else fold.turns.get(wanted)
    if turn is None:
        raise NothingToUndo(f"there is no turn at '{wanted[:80]}'; give the number of one of its records, or its id")
    if not turn.steps:
        raise NothingToUndo(f"the turn at record {turn.seq} changed no file with write_file or edit_file")
    return turn


async def planned_undo(
    session: ChangedSession, ports: Ports, wanted: str, *, force: bool = False
) -> tuple[TurnChanges, list[FileUndo]]:
    """The turn, and what undoing it means for each of its files now.

    Raises NothingToUndo, AgentNotFound, AgentBroken.
    """
    turn = await turn_to_undo(session, wanted)
    agent = ports.agents.get(session.state.agent)
    places = await asyncio.to_thread(ports.workbench.places, agent)
    keep = partial(ports.store.put_blob, session.claim)
    files = [await _planned(plan, places, keep, force=force) for plan in plan_of(turn)]
    return turn, [file for file in files if file is not None]


async def _planned(
    plan: FilePlan, places: Places, keep: Callable[[str, bytes], Awaitable[None]], *, force: bool
) -> FileUndo | None:
    try:
        now, content = await in_pool(partial(look, plan.path, places))
    except (PathRefused, OSError) as error:
        why = in_words(error) if isinstance(error, OSError) else str(error)
        return FileUndo(path=plan.path, then=plan.then, refused=why)
    file = undo_of(plan, now, force=force)
    if file is not None and not file.refused and content is not None and now not in plan.left:
        # What others made of it is replaced too, and so it is kept.
        await keep(hashlib.sha256(content).hexdigest(), content)
    return file


async def prepare_undo(session: ChangedSession, ports: Ports, posted: Undo) -> Undo:
    """The undo with its turn and what is to be done. Raises NothingToUndo, NotNow, AgentNotFound, AgentBroken."""
    if isinstance(admit(session.state, posted.model_copy(update={"files": (FileUndo(path=""),)}), ""), Already):
        return posted
    turn, files = await planned_undo(session, ports, posted.turn, force=posted.force)
    if files and all(file.refused for file in files):
        raise NothingToUndo("; ".join(f"{file.path}: {file.refused}" for file in files[:5]))
    return posted.model_copy(update={"turn_id": turn.turn, "files": tuple(files)})

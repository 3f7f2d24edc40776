"""What goes on beside turns: undos, and commands of people. Its folds, and what comes next. Pure."""

from dataclasses import dataclass, replace

from duragent.journal.events import (
    CancelRequested,
    CommandFinished,
    CommandRequested,
    Event,
    FileRefused,
    UndoFinished,
    UndoRequested,
)
from duragent.journal.state import OpenCommand, OpenUndo, SessionState


@dataclass(frozen=True, slots=True)
class FinishUndo:
    """Put the files back that are not back yet, and record it."""

    undo: OpenUndo
    """The undo that was asked for."""


@dataclass(frozen=True, slots=True)
class FinishCommand:
    """Run the command unless it has run, wait for its end, and record it."""

    command: OpenCommand
    """The command that was asked for."""


Aside = FinishUndo | FinishCommand


def next_aside(state: SessionState) -> Aside | None:
    """The one thing to do now beside the turn; also in a session that is paused or closed, because it was begun."""
    if state.undoing is not None:
        return FinishUndo(state.undoing)
    return FinishCommand(state.commanding) if state.commanding is not None else None


def requested(at: SessionState, event: UndoRequested | CommandRequested) -> SessionState:
    if isinstance(event, UndoRequested):
        return replace(at, undoing=OpenUndo(event.turn, at.seq))
    return replace(at, commanding=OpenCommand(event.command_id, at.seq, event.spool))


def cancelled(at: SessionState, event: CancelRequested) -> SessionState:
    """A cancel that names no turn is about the person's command."""
    if event.turn or at.commanding is None:
        return at
    return replace(at, commanding=replace(at.commanding, cancelled=True))


def finished(at: SessionState, event: UndoFinished | CommandFinished) -> SessionState:
    """The end of what is under way; the end of anything else changes nothing."""
    if isinstance(event, UndoFinished):
        return replace(at, undoing=None) if at.undoing and at.undoing.turn == event.turn else at
    is_open = at.commanding is not None and at.commanding.command_id == event.command_id
    return replace(at, commanding=None) if is_open else at


def wound_up(state: SessionState, why: str) -> list[Event]:
    """The events that end what cannot go on, as in a copy of the log: how far it came is not known.

    `why` is the beginning of a sentence, as in `detach.wound_up`.
    """
    events: list[Event] = []
    if state.undoing is not None:
        events.append(UndoFinished(turn=state.undoing.turn, refused=(FileRefused(path="", why=f"{why} meanwhile"),)))
    if state.commanding is not None:
        content = f"{why} while this ran. It may have completed."
        command = state.commanding.command_id
        events.append(CommandFinished(command_id=command, outcome="interrupted", content=content))
    return events

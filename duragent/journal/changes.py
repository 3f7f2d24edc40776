"""What an agent changed in files, turn by turn, and what an undo of a turn is to do. Pure.

Known is what `write_file` and `edit_file` change, because they say so before they do it. A call without a known end may
have changed its file or not; the file itself tells.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from duragent.journal.events import (
    EVENT_TYPES,
    FileUndo,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    UndoFinished,
)
from duragent.journal.record import Record

TYPES = tuple(
    name
    for name, kind in EVENT_TYPES.items()
    if kind in (TurnStarted, ToolStarted, ToolFinished, TurnEnded, UndoFinished)
)
"""The events that count here, by their names on disk."""

NOT_KEPT = "what was there before is not kept: it was too long, or not to be read"


@dataclass(frozen=True, slots=True)
class FileStep:
    """One change of one file."""

    seq: int
    """The record that says it."""
    path: str
    """Relative to the agent's working directory."""
    before: str | None
    """The SHA-256 of what was there; None where nothing was, "" where it is not kept."""
    after: str | None
    """The SHA-256 of what was made of it; None where it was removed."""
    mode: int | None = None
    """The permissions that it had."""
    certain: bool = True
    """False when it is not known whether the call came that far."""


@dataclass(slots=True)
class TurnChanges:
    """What one turn did to files."""

    turn: str
    """Its id."""
    seq: int
    """Its first record."""
    trigger: int = 0
    """The message that it began for."""
    last: int = 0
    """Its last record; 0 while it is under way."""
    steps: list[FileStep] = field(default_factory=list)
    """In the order of the log."""
    commands: int = 0
    """How many commands it ran: what they changed is not known."""
    undone: bool = False
    """Whether a person has taken it back."""


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What an undo of a turn means for one file."""

    path: str
    """Relative to the agent's working directory."""
    then: str | None
    """The SHA-256 of what was there before the turn; None where nothing was, "" where it is not kept."""
    mode: int | None
    """The permissions that it had."""
    left: frozenset[str | None]
    """What the turn may have left there."""
    others_at: int = 0
    """The record by which something else had changed it between the turn's changes; 0 for never."""


class ChangesFold:
    """Feed it the records of a session, in order; those of other types than `TYPES` may be left out."""

    def __init__(self) -> None:
        self.turns: dict[str, TurnChanges] = {}
        """By id, in the order of the log."""
        self.undos: list[FileStep] = []
        """What undos have put back."""
        self._open: dict[str, list[FileStep]] = {}
        """The steps of calls without an end, by call."""

    def take_all(self, records: Iterable[Record]) -> None:
        for record in records:
            self.take(record)

    def take(self, record: Record) -> None:
        event = record.event
        match event:
            case TurnStarted():
                self.turns[event.turn] = TurnChanges(event.turn, record.seq, event.trigger)
            case ToolStarted():
                self._started(record.seq, event)
            case ToolFinished() if event.call in self._open:
                self._finished(event)
            case TurnEnded() if event.turn in self.turns:
                self.turns[event.turn].last = record.seq
            case UndoFinished():
                self.undos += [FileStep(record.seq, each.path, each.before, each.after) for each in event.restored]
                if event.restored and event.turn in self.turns:
                    self.turns[event.turn].undone = True
            case _:
                pass

    def _started(self, seq: int, event: ToolStarted) -> None:
        turn = self.turns.setdefault(event.turn, TurnChanges(event.turn, seq))
        turn.commands += bool(event.spool)
        steps = [FileStep(seq, each.path, each.sha256, each.after, each.mode, certain=False) for each in event.before]
        turn.steps += steps
        if steps:
            self._open.setdefault(event.call, []).extend(steps)

    def _finished(self, event: ToolFinished) -> None:
        open_steps = self._open.pop(event.call)
        if event.outcome != "ok" or event.turn not in self.turns:
            return
        # Of several attempts the last one says what is there: an earlier one need not have come that far.
        last = {step.path: step for step in open_steps}
        steps = self.turns[event.turn].steps
        for step in last.values():
            steps[steps.index(step)] = FileStep(step.seq, step.path, step.before, step.after, step.mode)

    def at(self, seq: int) -> TurnChanges | None:
        """The turn that a record belongs to, or is the message of."""
        within = [turn for turn in self.turns.values() if turn.seq <= seq and (not turn.last or seq <= turn.last)]
        before = [turn for turn in self.turns.values() if 0 < turn.trigger <= seq <= turn.seq]
        return next(reversed(within or before), None)

    def newest(self) -> TurnChanges | None:
        """The last turn that changed files and was not taken back."""
        return next((turn for turn in reversed(self.turns.values()) if turn.steps and not turn.undone), None)


def plan_of(turn: TurnChanges) -> list[FilePlan]:
    """What undoing the turn means, file by file, in the order of its first changes."""
    plans: dict[str, FilePlan] = {}
    for step in turn.steps:
        plan = plans.get(step.path) or FilePlan(step.path, step.before, step.mode, frozenset({step.before}))
        others_at = plan.others_at or (0 if step.before in plan.left else step.seq)
        # A step without a known end may have left the file as it found it.
        left = frozenset({step.after}) if step.certain else plan.left | {step.before, step.after}
        plans[step.path] = FilePlan(plan.path, plan.then, plan.mode, left, others_at)
    return list(plans.values())


def undo_of(plan: FilePlan, now: str | None, *, force: bool = False) -> FileUndo | None:
    """What to do with a file that is `now`; None when it is as it was. `force` replaces also what others made of it."""
    if now == plan.then and now != "":
        return None
    why = ""
    if plan.then == "":
        why = NOT_KEPT
    elif now == "":
        why = "what is there now is too long to keep"
    elif not force and now not in plan.left:
        why = "it was changed by someone else since"
    elif not force and plan.others_at:
        why = f"something else changed it too, before record {plan.others_at}: a command, or a person"
    return FileUndo(path=plan.path, now=now, then=plan.then, mode=plan.mode, refused=why)

"""What an agent changed in files, as diffs for people: of a part of the log, and of an undo before it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from duragent.errors import Damaged
from duragent.journal.changes import ChangesFold, FileStep, TurnChanges
from duragent.journal.events import FileUndo
from duragent.tools.files.diff import unified

COMPARED_BYTES = 2 << 20
"""Files that are longer are not compared line by line."""
TOTAL_CHARS = 8 << 20
"""When the diffs of an answer are longer together, the rest is left out."""

GetBlob = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file, before and after."""

    path: str
    """Relative to the agent's working directory."""
    change: Literal["created", "changed", "removed"]
    diff: str = ""
    """The lines of a unified diff, without file names; "" where `note` says why there is none."""
    note: str = ""
    """A sentence for people about the diff; "" when it says all."""
    refused: str = ""
    """Of an undo: why the file stays as it is; "" when it does not."""


@dataclass(slots=True)
class LogChanges:
    """What was changed in a part of a log."""

    first: int
    """The first record that counts."""
    last: int
    """The last one."""
    files: list[ChangedFile] = field(default_factory=list)
    """Those that are not as they were before, by path."""
    turns: list[TurnChanges] = field(default_factory=list)
    """The turns that changed any."""
    commands: int = 0
    """How many commands of the agent ran: what they changed is not known."""
    unsure: list[str] = field(default_factory=list)
    """Files that a call without a known end may have changed too."""


@dataclass(slots=True)
class _Span:
    """A file over several changes."""

    before: str | None
    after: str | None
    others_at: int = 0
    """The record before which something else changed it; 0 for never."""


async def log_changes(fold: ChangesFold, get_blob: GetBlob, first: int, last: int) -> LogChanges:
    """What the records from `first` to `last` changed."""
    found = LogChanges(first, last)
    steps: list[FileStep] = []
    for turn in fold.turns.values():
        within = [step for step in turn.steps if first <= step.seq <= last]
        steps += within
        found.turns += [turn] if within else []
        found.commands += turn.commands if first <= turn.seq <= last else 0
    steps += [step for step in fold.undos if first <= step.seq <= last]
    steps.sort(key=lambda step: step.seq)
    found.unsure = sorted({step.path for step in steps if not step.certain})
    found.files = await _diffs(_spans(step for step in steps if step.certain), get_blob)
    return found


def _spans(steps: Iterable[FileStep]) -> dict[str, _Span]:
    spans: dict[str, _Span] = {}
    for step in steps:
        span = spans.setdefault(step.path, _Span(step.before, step.before))
        if span.after != step.before and not span.others_at:
            span.others_at = step.seq
        span.after = step.after
    return {path: span for path, span in sorted(spans.items()) if span.before != span.after or span.after == ""}


async def undo_diffs(files: Iterable[FileUndo], get_blob: GetBlob) -> list[ChangedFile]:
    """What an undo would do, file by file."""
    files = list(files)
    done = {file.path: _Span(file.now, file.then) for file in files if not file.refused}
    stay = [ChangedFile(file.path, "changed", refused=file.refused) for file in files if file.refused]
    return [*await _diffs(done, get_blob), *stay]


async def _diffs(spans: Mapping[str, _Span], get_blob: GetBlob) -> list[ChangedFile]:
    found: list[ChangedFile] = []
    room = TOTAL_CHARS
    for path, span in spans.items():
        made = await _diff(path, span, get_blob) if room > 0 else _without(path, span, "left out: too much changed")
        room -= len(made.diff)
        found.append(made)
    return found


async def _diff(path: str, span: _Span, get_blob: GetBlob) -> ChangedFile:
    if "" in (span.before, span.after):
        return _without(path, span, "what was there is not kept: it was too long, or not to be read")
    try:
        before, after = [await get_blob(name) if name else b"" for name in (span.before, span.after)]
    except Damaged as error:
        return _without(path, span, f"it cannot be compared: {error}")
    note = f"something else changed it too, before record {span.others_at}" if span.others_at else ""
    if b"\0" in before[:8192] or b"\0" in after[:8192]:
        return _without(path, span, f"no text: {len(before):,} bytes became {len(after):,}")
    whole = max(len(before), len(after)) <= COMPARED_BYTES
    texts = (before.decode("utf-8", "replace"), after.decode("utf-8", "replace"))
    diff = await asyncio.to_thread(partial(unified, *texts, path, whole=whole))
    return ChangedFile(path, _change(span), diff, note)


def _without(path: str, span: _Span, note: str) -> ChangedFile:
    return ChangedFile(path, _change(span), note=note)


def _change(span: _Span) -> Literal["created", "changed", "removed"]:
    if span.before is None:
        return "created"
    return "removed" if span.after is None else "changed"

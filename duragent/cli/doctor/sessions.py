"""`duragent doctor`: are the sessions whole? From their files, and not for long."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.doctor.finding import Diagnosis
from duragent.cli.logs import STREAMS, open_logs, open_streams

if TYPE_CHECKING:
    from duragent.stores.reader import Checkup, StoreReader

SECONDS = 3.0
SHOWN = 10
"""Damaged sessions that are named."""


def sessions(sessions_dir: Path, now: Callable[[], float] = time.monotonic) -> Iterator[Diagnosis]:
    """What can be said of them within `SECONDS`, the last changed first."""
    from duragent.errors import SessionNotFound

    reader = open_logs(sessions_dir)
    names = reader.last_changed_first()
    found: list[Checkup] = []
    until = now() + SECONDS
    for name in names:
        if found and now() > until:
            break
        try:
            found.append(reader.check(name))
        except SessionNotFound:
            # It was deleted meanwhile.
            continue
    yield _looked_over(names, found)
    yield from _damaged([each for each in found if each.damage is not None])
    yield from _unread(found)
    yield from _put_aside(found)
    yield from _leftovers(reader)


def streams(workspace: Path) -> Iterator[Diagnosis]:
    """What can be said of the streams that are no sessions; nothing where there are none."""
    from duragent.errors import NotFound

    if not (workspace / STREAMS).is_dir():
        return
    from duragent.mind.kind import MIND_FOLD
    from duragent.streams.agreement import disagrees

    reader = open_streams(workspace)
    found: list[Checkup] = []
    for name in reader.stream_ids():
        try:
            found.append(reader.check(name))
        except NotFound:
            continue
    good = sum(each.is_whole for each in found)
    text = f"{view.many(good, 'stream')}, all whole" if good == len(found) else f"{good:,} of {len(found):,} whole"
    if found:
        yield Diagnosis("streams", "ok", text)
    for each in found:
        if (damage := each.damage) is not None:
            hint = f"`duragent session repair {each.stream_id}` goes on behind its {each.records:,} good records"
            text = f"{each.stream_id}: {damage.file}:{damage.line}: {damage.problem}"
            yield Diagnosis("streams", "problem", text, hint if each.records else "only a backup brings it back")
        elif disagrees(reader, each.stream_id, MIND_FOLD):
            hint = f"stop the server and delete {workspace / STREAMS / each.stream_id / 'state.yaml'}: it is made again"
            yield Diagnosis(
                "streams", "problem", f"{each.stream_id}: state.yaml says something else than its log", hint
            )


def _looked_over(names: Sequence[str], found: "Sequence[Checkup]") -> Diagnosis:
    if not names:
        return Diagnosis("sessions", "ok", "there are none yet")
    good = sum(each.is_whole for each in found)
    text = f"{good:,} of {len(found):,} whole" if good < len(found) else f"{view.many(good, 'session')}, all whole"
    if len(found) < len(names):
        text = f"{len(names):,} sessions; of the {len(found):,} that changed last {good:,} are whole"
        hint = "this was all that could be read in a moment; `duragent session verify` reads all of them"
        return Diagnosis("sessions", "note", text, hint)
    return Diagnosis("sessions", "ok", text)


def _damaged(damaged: "Sequence[Checkup]") -> Iterator[Diagnosis]:
    for each in damaged[:SHOWN]:
        damage = each.damage
        assert damage is not None
        hint = f"`duragent session repair {each.stream_id}` goes on behind its {each.records:,} good records"
        if damage.is_of_blob:
            at = max(damage.shared_seq, 1)
            hint = f"only a backup has it; `duragent fork {each.stream_id}@{at}` goes on without what refers to it"
        elif not each.records:
            hint = "nothing is left to go on from; a backup comes back with `duragent session import`"
        yield Diagnosis("sessions", "problem", f"{each.stream_id}: {damage.file}:{damage.line}: {damage.problem}", hint)
    if len(damaged) > SHOWN:
        yield Diagnosis(
            "sessions", "problem", f"{len(damaged) - SHOWN:,} more are damaged", "`duragent session verify`"
        )


def _unread(found: "Sequence[Checkup]") -> Iterator[Diagnosis]:
    """What could not be read of logs of duragent v0.5: it is no damage of ours, and nothing is to be done."""
    noted = [each for each in found if each.notes]
    for each in noted[:SHOWN]:
        text = f"{each.stream_id}: {view.one_line('; '.join(each.notes), 400)}"
        yield Diagnosis("sessions", "note", text, "v0.5 left it so; all that can be read is there")
    if len(noted) > SHOWN:
        yield Diagnosis("sessions", "note", f"{len(noted) - SHOWN:,} more are so", "`duragent session verify`")


def _put_aside(found: "Sequence[Checkup]") -> Iterator[Diagnosis]:
    kept = [f"{each.stream_id}/{name}" for each in found for name in each.kept_aside]
    if kept:
        text = f"{view.many(len(kept), 'file')} set aside by a recovery or a repair: {view.some(kept)}"
        yield Diagnosis("sessions", "note", text, "nothing reads them any more; look, and keep or delete them")


def _leftovers(reader: "StoreReader") -> Iterator[Diagnosis]:
    left = reader.leftovers()
    if left:
        text = f"left by a deletion or an import that was cut short: {view.some(left)}"
        yield Diagnosis("sessions", "note", text, "the next start of the server removes it")

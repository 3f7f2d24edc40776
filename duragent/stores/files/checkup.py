"""Looking a session over, from its files alone: every line, every blob, and the summary. Changes nothing."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from duragent.errors import Damaged, SessionNotFound, Unavailable
from duragent.journal import snapshot
from duragent.journal.events import HistoryAdopted
from duragent.journal.fold import Folded, fold_lines
from duragent.journal.line import crc_of
from duragent.journal.record import blobs_of
from duragent.journal.snapshot import Snapshot
from duragent.journal.state import SessionState
from duragent.stores.files.blobs import read_blob
from duragent.stores.files.disk import Disk
from duragent.stores.files.legacy import is_legacy
from duragent.stores.files.reader import FileLogReader, pieces
from duragent.stores.files.segments import ACTIVE, SNAPSHOT, log_paths
from duragent.system.os_errors import in_words, is_shortage

_BESIDE = ("events.torn-", "events.damaged-", "events.conflict-")


@dataclass(slots=True)
class Checkup:
    """What was found. `records` and `good_bytes` are of the part that can be trusted, `behind_bytes` what follows it.

    A torn tail is no damage: it was never acknowledged, and is cut off when the session is opened. `notes` say what
    could not be read of a log of duragent-rust.
    """

    session_id: str
    state: SessionState
    records: int = 0
    blobs: int = 0
    good_bytes: int = 0
    behind_bytes: int = 0
    damage: Damaged | None = None
    kept_aside: tuple[str, ...] = ()
    lost_blobs: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.damage is None


def check(sessions_dir: Path, session_id: str, disk: Disk | None = None) -> Checkup:
    """A session of which only the summary is left counts as damaged. Raises SessionNotFound.

    It may be written, deleted or made again meanwhile: damage counts when a second look finds it too.
    """
    disk = disk or Disk()
    found = _look(disk, sessions_dir / session_id, session_id)
    return found if found.is_whole else _look(disk, sessions_dir / session_id, session_id)


def _look(disk: Disk, folder: Path, session_id: str) -> Checkup:
    found = Checkup(session_id, SessionState(session_id))
    # Before the log: what is written in between must not look as if the log had lost it.
    saved = saved_snapshot(folder, session_id, disk)
    try:
        for piece in pieces(disk, folder, session_id):
            for folded in fold_lines(found.state, piece.lines()):
                _take(found, disk, folder, folded, piece.blobs)
            found.behind_bytes = piece.torn_bytes
        if _was_ours(saved) or not is_legacy(disk, folder):
            _against_snapshot(found, saved)
    except Damaged as damage:
        found.damage = damage
    except SessionNotFound:
        if not os.path.lexists(folder / SNAPSHOT):
            raise
        found.damage = Damaged(session_id, ACTIVE, 1, "the log is gone", 0)
    except OSError as error:
        _raise_shortage(session_id, error)
        at, problem = found.records + 1, f"record {found.records + 1}: it cannot be read: {error.strerror}"
        found.damage = Damaged(session_id, ACTIVE, at, problem, found.records)
    if found.damage is not None and not found.damage.is_of_blob:
        # It may have grown meanwhile.
        found.behind_bytes = max(0, sum(map(_size, _files(disk, folder))) - found.good_bytes)
    found.kept_aside = _beside(disk, folder)
    return found


def _raise_shortage(session_id: str, error: OSError) -> None:
    """Raises Unavailable where the error says nothing of the file."""
    if is_shortage(error):
        raise Unavailable(f"session '{session_id}' cannot be read: {in_words(error)}") from error


def _files(disk: Disk, folder: Path) -> Sequence[Path]:
    try:
        return log_paths(disk, folder)
    except OSError:
        return ()


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        # It was sealed or removed since its name was read.
        return 0


def _beside(disk: Disk, folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(name for name in disk.names(folder) if name.startswith(_BESIDE)))
    except OSError:
        return ()


def _take(found: Checkup, disk: Disk, folder: Path, folded: Folded, known: Mapping[str, bytes]) -> None:
    line, record, _ = folded
    if isinstance(record.event, HistoryAdopted):
        found.notes = record.event.notes
    for name in blobs_of(line, record.event):
        try:
            if name not in known:
                read_blob(disk, folder, name, (found.session_id, record.seq))
            found.blobs += 1
        except Damaged as damage:
            found.damage = found.damage or damage
            found.lost_blobs.append(name)
        except OSError as error:
            _raise_shortage(found.session_id, error)
            problem = f"the blob cannot be read: {error.strerror}"
            found.damage = found.damage or Damaged(found.session_id, f"blobs/{name}", 1, problem, record.seq)
            found.lost_blobs.append(name)
    found.state = folded.state
    found.records, found.good_bytes = record.seq, found.good_bytes + len(line)


def _was_ours(saved: Snapshot | None) -> bool:
    """Whether the summary is of a log that this version has written to, whatever the log looks like now."""
    return saved is not None and saved.state.epoch > 0


def _against_snapshot(found: Checkup, saved: Snapshot | None) -> None:
    if saved is not None and saved.state.seq > found.records:
        raise _shorter(found.session_id, found.records, saved)


def _shorter(session_id: str, head: int, saved: Snapshot) -> Damaged:
    problem = f"the log ends at record {head}, but state.yaml has seen {saved.state.seq}"
    return Damaged(session_id, ACTIVE, head + 1, problem, head)


def saved_snapshot(folder: Path, session_id: str, disk: Disk | None = None) -> Snapshot | None:
    """What `state.yaml` says, when it can be trusted."""
    try:
        return snapshot.load((disk or Disk()).read_file(folder / SNAPSHOT, snapshot.MAX_BYTES), session_id)
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The state that the records up to one add up to, and the checksum of that record."""

    state: SessionState
    last_crc: str

    @property
    def facts(self) -> dict[str, object]:
        return snapshot.facts(snapshot.dump(Snapshot(self.state, self.last_crc)))


def replay(sessions_dir: Path, session_id: str, upto: int | None = None, disk: Disk | None = None) -> Replayed:
    """Fold the log from its beginning. Raises SessionNotFound, Damaged."""
    state, last = SessionState(session_id), b""
    saved = saved_snapshot(sessions_dir / session_id, session_id, disk)
    for folded in fold_lines(state, FileLogReader(sessions_dir, disk).lines(session_id)):
        last, state = folded.line, folded.state
        if upto is not None and state.seq >= upto:
            # What is behind it need not be good.
            return Replayed(state, crc_of(last))
    ours = _was_ours(saved) or not is_legacy(disk or Disk(), sessions_dir / session_id)
    if saved is not None and saved.state.seq > state.seq and ours:
        raise _shorter(session_id, state.seq, saved)
    return Replayed(state, crc_of(last))


def differences(replayed: Replayed, saved: bytes) -> Sequence[tuple[str, object, object]]:
    """(field, what the log says, what the file says) for each that is not the same."""
    ours, theirs = replayed.facts, snapshot.facts(saved)
    return [(key, ours.get(key), theirs.get(key)) for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]

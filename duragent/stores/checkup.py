"""Looking a session over, from its files alone: every line, every blob, and the summary. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from duragent.errors import Damaged, SessionNotFound
from duragent.journal import snapshot
from duragent.journal.apply import apply
from duragent.journal.record import BadLine, blobs_of, crc_of, crc_seed, decode
from duragent.journal.snapshot import Snapshot
from duragent.journal.state import SessionState
from duragent.stores.files import read_blob
from duragent.stores.reader import LogReader
from duragent.stores.segments import log_paths

_BESIDE = ("events.torn-*", "events.damaged-*", "events.conflict-*")


@dataclass(slots=True)
class Checkup:
    """What was found. `records` and `good_bytes` are of the part that can be trusted, `behind_bytes` what follows it.

    A torn tail is no damage: it was never acknowledged, and is cut off when the session is opened.
    """

    session_id: str
    records: int = 0
    blobs: int = 0
    good_bytes: int = 0
    behind_bytes: int = 0
    damage: Damaged | None = None
    state: SessionState | None = None
    kept_aside: tuple[str, ...] = ()
    lost_blobs: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.damage is None


def check(sessions_dir: Path, session_id: str) -> Checkup:
    """A session of which only the summary is left counts as damaged. Raises SessionNotFound."""
    folder, seed = sessions_dir / session_id, crc_seed(session_id)
    found = Checkup(session_id, state=SessionState(session_id))
    # Before the log: what is written in between must not look as if the log had lost it.
    saved = saved_snapshot(folder, session_id)
    try:
        for line in LogReader(sessions_dir).lines(session_id):
            _take(found, folder, line, seed)
        _against_snapshot(found, saved)
    except Damaged as damage:
        found.damage = damage
    except SessionNotFound:
        if saved is None:
            raise
        found.damage = Damaged(session_id, "events.jsonl", 1, "the log is gone", 0)
    except OSError as error:
        at, problem = found.records + 1, f"record {found.records + 1}: it cannot be read: {error.strerror}"
        found.damage = Damaged(session_id, "events.jsonl", at, problem, found.records)
    # It may have grown meanwhile.
    found.behind_bytes = max(0, sum(path.stat().st_size for path in log_paths(folder)) - found.good_bytes)
    found.kept_aside = tuple(sorted(path.name for pattern in _BESIDE for path in folder.glob(pattern)))
    return found


def _take(found: Checkup, folder: Path, line: bytes, seed: int) -> None:
    assert found.state is not None
    try:
        record = decode(line, seed)
    except BadLine as error:
        at = found.records + 1
        raise Damaged(found.session_id, "events.jsonl", at, f"record {at}: {error}", found.records) from error
    for name in blobs_of(line, record.event):
        try:
            read_blob(folder, name, found.session_id, record.seq)
            found.blobs += 1
        except Damaged as damage:
            found.damage = found.damage or damage
            found.lost_blobs.append(name)
        except OSError as error:
            problem = f"the blob cannot be read: {error.strerror}"
            found.damage = found.damage or Damaged(found.session_id, f"blobs/{name}", 1, problem, record.seq)
            found.lost_blobs.append(name)
    found.state = apply(found.state, record)
    found.records, found.good_bytes = record.seq, found.good_bytes + len(line)


def _against_snapshot(found: Checkup, saved: Snapshot | None) -> None:
    if saved is not None and saved.state.seq > found.records:
        raise _shorter(found.session_id, found.records, saved)


def _shorter(session_id: str, head: int, saved: Snapshot) -> Damaged:
    problem = f"the log ends at record {head}, but state.yaml has seen {saved.state.seq}"
    return Damaged(session_id, "events.jsonl", head + 1, problem, head)


def saved_snapshot(folder: Path, session_id: str) -> Snapshot | None:
    """What `state.yaml` says, when it can be trusted."""
    try:
        return snapshot.load((folder / "state.yaml").read_bytes(), session_id)
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


def replay(sessions_dir: Path, session_id: str, upto: int | None = None) -> Replayed:
    """Fold the log from its beginning. Raises SessionNotFound, Damaged."""
    state, crc, seed = SessionState(session_id), "", crc_seed(session_id)
    saved = saved_snapshot(sessions_dir / session_id, session_id)
    for line in LogReader(sessions_dir).lines(session_id):
        try:
            record = decode(line, seed)
        except BadLine as error:
            raise Damaged(session_id, "events.jsonl", state.seq + 1, str(error), state.seq) from error
        state, crc = apply(state, record), crc_of(line)
        if upto is not None and state.seq >= upto:
            # What is behind it need not be good.
            return Replayed(state, crc)
    if saved is not None and saved.state.seq > state.seq:
        raise _shorter(session_id, state.seq, saved)
    return Replayed(state, crc)


def differences(replayed: Replayed, saved: bytes) -> Sequence[tuple[str, object, object]]:
    """(field, what the log says, what the file says) for each that is not the same."""
    ours, theirs = replayed.facts, snapshot.facts(saved)
    return [(key, ours.get(key), theirs.get(key)) for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]

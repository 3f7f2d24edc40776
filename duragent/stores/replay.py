"""The state that a stored log adds up to, read without a claim; and whether its summary agrees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from duragent.errors import Damaged
from duragent.journal import snapshot
from duragent.journal.fold import LOG_NAME, fold_lines
from duragent.journal.line import crc_of
from duragent.journal.snapshot import Snapshot
from duragent.journal.state import SessionState
from duragent.stores.base import Stream
from duragent.stores.reader import StoreReader


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the records up to one add up to."""

    state: SessionState
    last_crc: str
    """The checksum of the last of these records; "" when there is none."""

    @property
    def facts(self) -> dict[str, object]:
        """As `state.yaml` would say it."""
        return snapshot.facts(snapshot.dump(Snapshot(self.state, self.last_crc)))


def replay(reader: StoreReader, session_id: str, upto: int | None = None) -> Replayed:
    """Fold the log from its beginning, up to record `upto` (None: all of it). Raises SessionNotFound, Damaged."""
    state, last = SessionState(session_id), b""
    saved = saved_snapshot(reader, session_id)
    for line, _, after in fold_lines(state, reader.lines(session_id)):
        last, state = line, after
        if upto is not None and state.seq >= upto:
            # What is behind it need not be good.
            return Replayed(state, crc_of(last))
    if lost := lost_end(Stream(session_id), state.seq, saved, lambda: reader.is_legacy(session_id)):
        raise lost
    return Replayed(state, crc_of(last))


def lost_end(stream: Stream, head: int, saved: Snapshot[Any] | None, is_legacy: Callable[[], bool]) -> Damaged | None:
    """What is wrong with a log that ends at `head`, before the record that its summary has seen; None when it does not.

    The summary is written only after the record that it stands at is durable, so such a log has lost something. One
    that duragent-rust still owns is spared: its compaction makes logs shorter.
    """
    if saved is None or saved.state.seq <= head or (saved.state.epoch == 0 and is_legacy()):
        return None
    problem = f"the log ends at record {head}, but state.yaml has seen {saved.state.seq}"
    return stream.damaged(LOG_NAME, head + 1, problem, head)


def saved_snapshot(reader: StoreReader, session_id: str) -> Snapshot[SessionState] | None:
    """What `state.yaml` says, when it can be trusted."""
    try:
        return snapshot.load(reader.summary(session_id), session_id)
    except OSError:
        return None


def differences(replayed: Replayed, saved: bytes) -> Sequence[tuple[str, object, object]]:
    """(field, what the log says, what the file says) for each that is not the same."""
    ours, theirs = replayed.facts, snapshot.facts(saved)
    return [(key, ours.get(key), theirs.get(key)) for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]

"""Looking a stream over, from its files alone: every line, every blob, and the summary. Changes nothing."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from duragent.errors import Damaged, NotFound, Unavailable
from duragent.journal import snapshot
from duragent.journal.events import HistoryAdopted, TextForgotten
from duragent.journal.fold import decode_lines
from duragent.journal.forgotten import names_of
from duragent.journal.record import StreamRecord, blobs_of
from duragent.journal.snapshot import Snapshot
from duragent.stores.base import SESSION, Stream, StreamKind
from duragent.stores.files.blobs import read_blob
from duragent.stores.files.disk import Disk
from duragent.stores.files.legacy import is_legacy
from duragent.stores.files.pieces import pieces
from duragent.stores.files.segments import ACTIVE, SNAPSHOT, log_paths
from duragent.stores.reader import Checkup
from duragent.stores.replay import lost_end
from duragent.system.os_errors import in_words, is_shortage

_BESIDE = ("events.torn-", "events.damaged-", "events.conflict-")


def check(root: Path, stream_id: str, disk: Disk | None = None, kind: StreamKind = SESSION) -> Checkup:
    """A stream of which only the summary is left counts as damaged. Raises the kind's `not_found`, Unavailable.

    It may be written, deleted or made again meanwhile: damage counts when a second look finds it too.
    """
    if not kind.has(stream_id):
        # No path is made of a name such as `..`.
        raise kind.not_found(stream_id)
    disk, stream = disk or Disk(), Stream(stream_id, kind)
    first = _Look(disk, root / stream.id, stream).whole()
    return first if first.is_whole else _Look(disk, root / stream.id, stream).whole()


class _Look:
    """One look at the files of one stream."""

    def __init__(self, disk: Disk, folder: Path, stream: Stream) -> None:
        self._disk, self._folder, self._stream = disk, folder, stream
        self._checkup = Checkup(stream.id)
        self._looked_at: set[str] = set()
        self._lost: dict[str, Damaged] = {}
        self._forgotten: set[str] = set()

    def whole(self) -> Checkup:
        checkup = self._checkup
        # Before the log: what is written in between must not look as if the log had lost it.
        saved = self._saved_snapshot()
        try:
            self._read_log()
            is_v0_5s = partial(is_legacy, self._disk, self._folder)
            checkup.damage = lost_end(self._stream, checkup.records, saved, is_v0_5s) or checkup.damage
        except Damaged as damage:
            checkup.damage = damage
        except NotFound:
            if not os.path.lexists(self._folder / SNAPSHOT):
                raise
            checkup.damage = self._stream.damaged(ACTIVE, 1, "the log is gone", 0)
        except OSError as error:
            self._raise_shortage(error)
            at = checkup.records + 1
            problem = f"record {at}: it cannot be read: {error.strerror}"
            checkup.damage = self._stream.damaged(ACTIVE, at, problem, checkup.records)
        checkup.lost_blobs = [name for name in self._lost if name not in self._forgotten]
        for name in checkup.lost_blobs[:1]:
            checkup.damage = checkup.damage or self._lost[name]
        if checkup.damage is not None and not checkup.damage.is_of_blob:
            # It may have grown meanwhile.
            checkup.behind_bytes = max(0, sum(map(_size, self._files())) - checkup.good_bytes)
        checkup.kept_aside = self._kept_aside()
        return checkup

    def _read_log(self) -> None:
        """Every line, every blob. Raises Damaged, NotFound, OSError."""
        for piece in pieces(self._disk, self._folder, self._stream):
            good, types = self._checkup.records, self._stream.kind.types
            for line, record in decode_lines(piece.lines(), self._stream.id, good, types=types):
                self._take(line, record, piece.blobs)
            self._checkup.behind_bytes = piece.torn_bytes

    def _take(self, line: bytes, record: StreamRecord[Any], not_stored_yet: Mapping[str, bytes]) -> None:
        checkup = self._checkup
        if isinstance(record.event, HistoryAdopted):
            checkup.notes = record.event.notes
        if isinstance(record.event, TextForgotten):
            self._forgotten |= names_of(record.event)
        for name in sorted(blobs_of(line, record.event) - self._looked_at):
            self._looked_at.add(name)
            try:
                if name not in not_stored_yet:
                    read_blob(self._disk, self._folder, name, (self._stream, record.seq))
                checkup.blobs += 1
            except Damaged as damage:
                self._lost[name] = damage
            except OSError as error:
                self._raise_shortage(error)
                problem = f"the blob cannot be read: {error.strerror}"
                self._lost[name] = self._stream.damaged(f"blobs/{name}", 1, problem, record.seq)
        checkup.records, checkup.good_bytes = record.seq, checkup.good_bytes + len(line)

    def _raise_shortage(self, error: OSError) -> None:
        """Raises Unavailable where the error says nothing of the file."""
        if is_shortage(error):
            raise Unavailable(f"{self._stream} cannot be read: {in_words(error)}") from error

    def _saved_snapshot(self) -> Snapshot[Any] | None:
        form = self._stream.kind.snapshots
        if form is None:
            return None
        try:
            return form.load(self._disk.read_file(self._folder / SNAPSHOT, snapshot.MAX_BYTES), self._stream.id)
        except OSError:
            return None

    def _files(self) -> Sequence[Path]:
        try:
            return log_paths(self._disk, self._folder)
        except OSError:
            return ()

    def _kept_aside(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(name for name in self._disk.names(self._folder) if name.startswith(_BESIDE)))
        except OSError:
            return ()


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        # It was sealed or removed since its name was read.
        return 0

"""The streams below one folder, read without its lock: see `StoreReader` for the contract."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from duragent.errors import Damaged, Unavailable
from duragent.journal import snapshot
from duragent.journal.fold import decode_lines
from duragent.journal.forgotten import FORGOTTEN_BYTES, forgotten_in
from duragent.stores.base import SESSION, Stream, StreamKind
from duragent.stores.files.blobs import read_blob
from duragent.stores.files.checkup import check
from duragent.stores.files.disk import Disk
from duragent.stores.files.import_log import ADOPTED, DELETED
from duragent.stores.files.legacy import is_legacy
from duragent.stores.files.pieces import LogPiece, pieces
from duragent.stores.files.renewal import RENEWED
from duragent.stores.files.segments import ACTIVE, SNAPSHOT, has_log
from duragent.stores.reader import Checkup
from duragent.system.os_errors import in_words


class FileLogReader:
    """The streams of one kind below one folder."""

    def __init__(self, root: Path, disk: Disk | None = None, kind: StreamKind = SESSION) -> None:
        self._root, self._disk, self._kind = root, disk or Disk(), kind

    # --- which there are --------------------------------------------------------------------------------------------

    def stream_ids(self) -> list[str]:
        """All that have a log, or a summary of one, oldest id first."""
        try:
            names = sorted(entry.name for entry in self._root.iterdir() if self._kind.has(entry.name))
        except FileNotFoundError:
            return []
        return [name for name in names if self._is_stream(self._root / name)]

    def last_changed_first(self) -> list[str]:
        """The same, by when the file that is written has changed."""
        return sorted(self.stream_ids(), key=lambda name: -_changed_at(self._root / name))

    def named(self, part: str) -> list[str]:
        """The names of all folders with that part, in upper or lower case, in their order."""
        try:
            folders = (path.name for path in self._root.iterdir() if path.is_dir())
            named = (name for name in folders if name.startswith(self._kind.prefix) and not name.startswith("."))
            return sorted(name for name in named if part.casefold() in name.casefold())
        except OSError:
            return []

    def _is_stream(self, folder: Path) -> bool:
        try:
            return has_log(self._disk, folder) or os.path.lexists(folder / SNAPSHOT)
        except OSError:
            # It is there; reading it will tell why it cannot be read.
            return True

    # --- one of them ------------------------------------------------------------------------------------------------

    def read(self, session_id: str, after: int = 0) -> Iterator[Any]:
        """The records behind seq `after`. A tail that is being written, or that a crash left, is not shown.

        Raises the kind's `not_found`, and Damaged at the first record that cannot be trusted, after those before it.
        """
        for piece in self.pieces(session_id, after):
            blob = self._blobs(session_id, piece.blobs)
            for _, record in decode_lines(piece.lines(), session_id, after, blob=blob, types=self._kind.types):
                after = record.seq
                yield record

    def lines(self, session_id: str, after: int = 0) -> Iterator[bytes]:
        """The stored lines behind seq `after`, each with its newline. Raises as `read` does."""
        for piece in self.pieces(session_id, after):
            yield from piece.lines()

    def pieces(self, session_id: str, after: int = 0) -> Iterator[LogPiece]:
        """The log behind seq `after`, file by file. Raises as `read` does."""
        stream = Stream(session_id, self._kind)
        if not self._kind.has(session_id):
            raise stream.not_found()
        try:
            yield from pieces(self._disk, self._root / session_id, stream, after)
        except OSError as error:
            raise Unavailable(f"the log of {stream} cannot be read: {in_words(error)}") from error

    def blob(self, session_id: str, sha256: str) -> bytes:
        """See `StoreReader.blob`."""
        stream = Stream(session_id, self._kind)
        try:
            return self._blobs(session_id, {})(sha256)
        except OSError as error:
            raise Unavailable(f"the blob {sha256} of {stream} cannot be read: {in_words(error)}") from error

    def summary(self, session_id: str) -> bytes:
        """The bytes of `state.yaml`. Raises OSError."""
        return self._disk.read_file(self._root / session_id / SNAPSHOT, snapshot.MAX_BYTES)

    def is_legacy(self, session_id: str) -> bool:
        """Whether the log is still the one of duragent v0.5. Raises OSError."""
        return is_legacy(self._disk, self._root / session_id)

    def check(self, session_id: str) -> Checkup:
        """See `StoreReader.check`. Raises the kind's `not_found`, Unavailable."""
        return check(self._root, session_id, self._disk, self._kind)

    # --- what lies beside them --------------------------------------------------------------------------------------

    def repaired(self, session_id: str) -> list[str]:
        """The paths of what a repair has set aside, in their order."""
        return sorted(str(path) for path in (self._root / session_id).glob("events.damaged-*"))

    def leftovers(self) -> list[str]:
        """The names of what a deletion or an import that was cut short has left."""
        return sorted(path.name for start in (DELETED, ADOPTED, RENEWED) for path in self._root.glob(f"{start}*"))

    def _blobs(self, session_id: str, known: Mapping[str, bytes]) -> Callable[[str], bytes]:
        stored = partial(read_blob, self._disk, self._root / session_id, good=(Stream(session_id, self._kind), 0))
        forgotten = cache(partial(self._forgotten, session_id))

        def blob(name: str) -> bytes:
            if name in known:
                return known[name]
            try:
                return stored(name)
            except Damaged:
                if name in forgotten():
                    return FORGOTTEN_BYTES
                raise

        return blob

    def _forgotten(self, session_id: str) -> set[str]:
        """The blobs of which a record says that they were forgotten, as far as the log can be read."""
        found = set[str]()
        with contextlib.suppress(Damaged):
            for line in self.lines(session_id):
                found |= forgotten_in(line)
        return found


def _changed_at(folder: Path) -> float:
    try:
        return (folder / ACTIVE).lstat().st_mtime
    except OSError:
        return 0.0

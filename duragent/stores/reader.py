"""Reading a session's files alone, without a server or its lock: changes nothing, may run beside the writer."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from duragent.errors import Damaged, SessionNotFound
from duragent.journal.record import BadLine, Record, crc_seed, decode
from duragent.journal.scan import scan
from duragent.stores.base import SESSION_ID
from duragent.stores.files import read_blob
from duragent.stores.segments import ACTIVE, has_log, sealed_segments


class LogReader:
    """The logs below one `sessions` folder."""

    def __init__(self, sessions_dir: Path) -> None:
        self._root = sessions_dir

    def session_ids(self) -> list[str]:
        """All sessions that have a log, or a summary of one, oldest id first."""
        try:
            names = sorted(entry.name for entry in self._root.iterdir() if SESSION_ID.match(entry.name))
        except FileNotFoundError:
            return []
        return [name for name in names if has_log(self._root / name) or (self._root / name / "state.yaml").exists()]

    def read(self, session_id: str, after: int = 0) -> Iterator[Record]:
        """The records behind seq `after`. A tail that is being written, or that a crash left, is not shown.

        Raises SessionNotFound, and Damaged at the first record that cannot be trusted, after those before it.
        """
        seed = crc_seed(session_id)
        blob = self._blobs(session_id)
        for line in self.lines(session_id, after):
            try:
                record = decode(line, seed, blob)
            except BadLine as error:
                raise Damaged(session_id, ACTIVE, after + 1, str(error), after) from error
            after = record.seq
            yield record

    def lines(self, session_id: str, after: int = 0) -> Iterator[bytes]:
        """The stored lines behind seq `after`, each with its newline. Raises as `read` does."""
        folder = self._root / session_id
        if not SESSION_ID.match(session_id) or not has_log(folder):
            raise SessionNotFound(session_id)
        seed, seq = crc_seed(session_id), None
        for path, data in _files(folder, session_id):
            found = scan(data, seed, after=seq)
            good = [line + b"\n" for line in data[: found.end].split(b"\n")[:-1]]
            first = found.seq - len(good) + 1
            yield from good[max(0, after - first + 1) :]
            if found.verdict == "damaged" or (found.verdict == "torn" and path.name != ACTIVE):
                raise Damaged(session_id, path.name, found.line, found.problem, found.seq)
            seq = found.seq

    def _blobs(self, session_id: str) -> Callable[[str], bytes]:
        return lambda name: read_blob(self._root / session_id, name, session_id, 0)


def _files(folder: Path, session_id: str) -> Iterator[tuple[Path, bytes]]:
    """The log's files with their bytes, oldest first. The active one is opened first: it may be sealed meanwhile."""
    try:
        active = (folder / ACTIVE).open("rb")
    except FileNotFoundError:
        active = None
    with contextlib.closing(active) if active else contextlib.nullcontext():
        sealed, damage = sealed_segments(folder, session_id)
        yield from ((segment.path, segment.path.read_bytes()) for segment in sealed)
        if damage is not None:
            raise damage
        ours = os.fstat(active.fileno()) if active else None
        if active and ours and not any(os.path.samestat(ours, segment.path.stat()) for segment in sealed):
            yield folder / ACTIVE, active.read()

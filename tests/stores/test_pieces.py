"""Whatever a writer is just doing, whoever reads the files beside it calls nothing damaged, and waits for nothing.

Both sides are stopped between any two operations on the disk. Each run tries every step of one beside the whole of the
other; the long run tries every pair of steps.
"""

import contextlib
import errno
import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from duragent.crashpoint import crashpoint
from duragent.errors import Damaged, SessionNotFound, StoreFull
from duragent.journal import events as e
from duragent.journal import snapshot
from duragent.journal.apply import reduce
from duragent.journal.line import crc_of
from duragent.journal.record import crc_seed, decode
from duragent.journal.scan import scan
from duragent.journal.state import SessionState
from duragent.stores.base import Stream
from duragent.stores.files import checkup
from duragent.stores.files.listing import listed
from duragent.stores.files.log_file import LogFile
from duragent.stores.files.pieces import verify
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.segments import ACTIVE, sealed_segments
from duragent.stores.replay import replay
from tests.support.bounds import LIMIT_SECONDS
from tests.support.logs import SESSION, QuickDisk, lines_of, message

NEVER = -1
HEAD = 8
LINES = [
    *lines_of(1, [e.SessionCreated(agent="assistant")]),
    *(line for seq in range(2, 30) for line in lines_of(seq, [message(f"text {seq} " * 20)])),
]
LOST = lines_of(HEAD + 1, [message("a line that finds no room " * 9)])


@dataclass
class Stepped(QuickDisk):
    """Stops before its operation `at` until it is told to `go`. What is read and written comes in two pieces."""

    at: int = NEVER
    fails: str = ""
    count: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def step(self, name: str = "") -> None:
        number, self.count = self.count, self.count + 1
        if number == self.at:
            self.stopped.set()
            assert self.go.wait(LIMIT_SECONDS)
        if name and name == self.fails:
            self.fails = ""
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def create(self, path: Path) -> int:
        self.step()
        return super().create(path)

    def open(self, path: Path, *, scratch: bool = False) -> int:
        self.step()
        return super().open(path, scratch=scratch)

    def open_to_read(self, path: Path) -> int:
        self.step()
        return super().open_to_read(path)

    def names(self, folder: Path) -> list[str]:
        self.step()
        return super().names(folder)

    def read_file(self, path: Path, limit_bytes: int) -> bytes:
        fd = self.open_to_read(path)
        try:
            return self.read(fd, os.fstat(fd).st_size, 0)
        finally:
            self.close(fd)

    def read(self, fd: int, size: int, offset: int) -> bytes:
        self.step()
        first = super().read(fd, size - size // 3, offset)
        self.step()
        return first + super().read(fd, size // 3, offset + len(first))

    def write(self, fd: int, data: bytes, offset: int) -> None:
        half = len(data) // 2
        self.step()
        super().write(fd, data[:half], offset)
        self.step("write")
        super().write(fd, data[half:], offset + half)

    def truncate(self, fd: int, size: int) -> None:
        self.step()
        super().truncate(fd, size)

    def sync(self, fd: int) -> None:
        self.step("sync")

    def rename(self, old: Path, new: Path) -> None:
        self.step()
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        self.step()
        super().unlink(path)


# --- who writes -----------------------------------------------------------------------------------------------------


def opened(disk: Stepped, folder: Path, events: int = 100) -> LogFile:
    log = LogFile(disk, folder, Stream(SESSION), Rotation(events=events))
    log.open()
    return log


def append(disk: Stepped, folder: Path, events: int = 100, count: int = 2) -> None:
    log = opened(disk, folder, events)
    for _ in range(count):
        log.append([LINES[log.head]], expect=log.head)
    log.close()


def seal(disk: Stepped, folder: Path) -> None:
    append(disk, folder, events=2)


def seal_again_and_again(disk: Stepped, folder: Path) -> None:
    append(disk, folder, events=1, count=3)


def undo(disk: Stepped, folder: Path, fails: str = "write") -> None:
    """An append that fails and is cut off, and another one over the same bytes."""
    log = opened(disk, folder)
    disk.fails = fails
    with contextlib.suppress(StoreFull):
        log.append(LOST, expect=HEAD)
    log.append([LINES[HEAD]], expect=HEAD)
    log.close()


def start_over(disk: Stepped, folder: Path) -> None:
    undo(disk, folder, fails="sync")


def sum_up(disk: Stepped, folder: Path) -> None:
    append(disk, folder, count=1)
    disk.replace(folder / "state.yaml", summary(HEAD + 1))


def recover(disk: Stepped, folder: Path) -> None:
    """The end of an append that never ended is kept and cut off."""
    with (folder / ACTIVE).open("ab") as log:
        log.write(LOST[0][:90])
    append(disk, folder)


def delete(disk: Stepped, folder: Path) -> None:
    gone = folder.with_name(f".deleted-{SESSION}")
    disk.rename(folder, gone)
    for path in sorted(gone.rglob("*"), reverse=True):
        if path.is_file():
            disk.unlink(path)
    shutil.rmtree(gone)


# --- who reads ------------------------------------------------------------------------------------------------------


def verifies(disk: Stepped, root: Path) -> int:
    return verify(disk, root / SESSION, Stream(SESSION))


def shows(disk: Stepped, root: Path) -> int:
    lines = list(FileLogReader(root, disk).lines(SESSION))
    assert lines[:HEAD] == LINES[:HEAD]
    return len(lines)


def follows(disk: Stepped, root: Path) -> int:
    """As `session log -f` does: what is behind the last record that was shown."""
    records = list(FileLogReader(root, disk).read(SESSION, after=5))
    assert [record.seq for record in records] == list(range(6, 6 + len(records)))
    return 5 + len(records)


def checks(disk: Stepped, root: Path) -> int:
    found = checkup.check(root, SESSION, disk)
    assert found.damage is None
    return found.records


def replays(disk: Stepped, root: Path) -> int:
    return replay(FileLogReader(root, disk), SESSION).state.seq


def lists(disk: Stepped, root: Path) -> int:
    assert [each.stream_id for each in listed(disk, root)] in ([SESSION], [])
    return HEAD if (root / SESSION).exists() else 0


def as_it_was(disk: Stepped, root: Path) -> int:
    """The check of version 0.1.0: first the sealed files, then the active one."""
    folder, seed, seq = root / SESSION, crc_seed(SESSION), None
    sealed, damage = sealed_segments(disk, folder, Stream(SESSION))
    for segment in sealed:
        seq = scan(disk.read_file(segment.path, 1 << 30), seed, after=seq).seq
    if damage is not None:
        raise damage
    found = scan(disk.read_file(folder / ACTIVE, 1 << 30), seed, after=seq)
    if found.verdict == "damaged":
        raise Damaged(SESSION, ACTIVE, found.line, found.problem, found.seq)
    return found.seq


WRITERS = [append, seal, seal_again_and_again, undo, start_over, sum_up, recover, delete]
READERS = [verifies, shows, follows, checks, replays, lists]
Writer = Callable[[Stepped, Path], None]
Reader = Callable[[Stepped, Path], int]


def summary(seq: int) -> bytes:
    records = [decode(line, crc_seed(SESSION)) for line in LINES[:seq]]
    return snapshot.dump(snapshot.Snapshot(reduce(SessionState(SESSION), records), crc_of(LINES[seq - 1])))


@dataclass
class Beside:
    """Runs one beside the other in folders of its own."""

    root: Path
    number: Iterator[int] = field(default_factory=itertools.count)

    def new(self) -> Path:
        """Three files, of which two are sealed, and a summary."""
        root = self.root / str(next(self.number))
        folder = root / SESSION
        folder.mkdir(parents=True)
        for name, first, last in (("events-1.jsonl", 0, 3), ("events-4.jsonl", 3, 6), (ACTIVE, 6, HEAD)):
            (folder / name).write_bytes(b"".join(LINES[first:last]))
        (folder / "state.yaml").write_bytes(summary(HEAD))
        return root

    def steps(self, writer: Writer, reader: Reader) -> tuple[int, int]:
        """How many operations each of them needs alone."""
        writes, reads, root = Stepped(), Stepped(), self.new()
        reader(reads, root)
        writer(writes, root / SESSION)
        return writes.count, reads.count

    def run(self, writer: Writer, reader: Reader, at: tuple[int, int]) -> None:
        """The writer goes to its step, then the reader to its own, then the writer to its end, then the reader.

        Raises what the reader does not take for a log that is good.
        """
        root = self.new()
        writes, reads = Stepped(at=at[0]), Stepped(at=at[1])
        failed: list[BaseException] = []
        seen: list[int] = []

        def do(disk: Stepped, work: Callable[[], object]) -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)
            finally:
                disk.stopped.set()

        def read() -> None:
            with contextlib.suppress(*([SessionNotFound] if writer is delete else [])):
                seen.append(reader(reads, root))

        for disk, work in ((writes, lambda: writer(writes, root / SESSION)), (reads, read)):
            threading.Thread(target=do, args=(disk, work), daemon=True).start()
            # Also a reader that waits for the writer ends here.
            assert disk.stopped.wait(LIMIT_SECONDS), "it waits for the other one"
        for disk in (writes, reads):
            disk.stopped.clear()
            disk.go.set()
            if disk.at != NEVER and disk.count > disk.at:
                assert disk.stopped.wait(LIMIT_SECONDS) or failed
        shutil.rmtree(root)
        if failed:
            raise failed[0]
        assert all(count >= HEAD for count in seen) or writer is delete


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    crashpoint("nothing")  # Read the environment here, not in a thread.
    return Beside(tmp_path)


def pairs(writes: int, reads: int, *, every: bool) -> Iterator[tuple[int, int]]:
    if every:
        yield from itertools.product(range(writes), range(reads))
    yield from ((step, NEVER) for step in range(writes))
    yield from ((0, step) for step in range(reads))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_what_the_writer_is_just_doing_is_not_called_damage(beside: Beside, writer: Writer, reader: Reader) -> None:
    for at in pairs(*beside.steps(writer, reader), every=False):
        beside.run(writer, reader, at)


@pytest.mark.campaign
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_no_pair_of_steps_is_called_damage(beside: Beside, writer: Writer, reader: Reader) -> None:
    for at in pairs(*beside.steps(writer, reader), every=True):
        beside.run(writer, reader, at)


def test_the_check_as_it_was_called_a_whole_log_damaged(beside: Beside) -> None:
    """The control: this search finds what was wrong."""
    found = set()
    for at in pairs(*beside.steps(seal, as_it_was), every=False):
        try:
            beside.run(seal, as_it_was, at)
        except (Damaged, FileNotFoundError) as error:
            found.add(str(error).partition(": ")[2])
    assert "seq 9 follows 6; it is read-only, records 1 to 6 are good" in found

"""Lives of one session, written down with what was promised at each moment; and what a start finds on a disk."""

import asyncio
import contextlib
import hashlib
import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from duragent.errors import SessionExists, SessionNotFound, StoreFull, Unavailable
from duragent.stores.base import Claim, Stream, TornTail
from duragent.stores.files import import_log, store
from duragent.stores.files.disk import Disk
from duragent.stores.files.log_file import LogFile
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from duragent.stores.files.threads import Threads
from tests.campaigns.platter import Image, Operation, history_of, read_image, write_image
from tests.campaigns.recorder import Killed, Recorder, Trouble
from tests.support.logs import SESSION, QuickDisk, lines_of, message

_T = TypeVar("_T")
ROTATION = Rotation(events=6)
BLOB = bytes(range(256)) * 6
DIGEST = hashlib.sha256(BLOB).hexdigest()
SNAPSHOT = b"title: kept\n"
# Several sectors in one group, as the results of tools are.
LONG = [message("w" * 900), message("long " * 260), message("x")]


@dataclass(frozen=True, slots=True)
class Known:
    """What must hold from here on: the log is one of `allowed`; a blob that was acknowledged is there."""

    allowed: frozenset[bytes]
    blob: bool = False


NOTHING = Known(frozenset([b""]))


@dataclass(frozen=True)
class Life:
    """Operations on a disk, and from which of them on what is known. `began`: what came before is another life's."""

    operations: list[Operation]
    known: list[tuple[int, Known]]
    attempts: int
    began: int = 0

    def at(self, count: int) -> Known:
        return next(known for since, known in reversed(self.known) if since <= count)


class Unable(Exception):
    """The store cannot be opened: no server runs."""


class AtOnce(Threads):
    """Runs what it is given in the caller's thread: a story has one thread, and costs no switches."""

    async def run(self, work: Callable[[], _T]) -> _T:
        return work()


class Teller:
    """Uses a store as a session does, and keeps account of what may be found on its disk at each `moment`."""

    def __init__(self, root: Path, disk: Disk, moment: Callable[[], int], now: Known = NOTHING) -> None:
        self.store = FileStore(root / "sessions", disk=disk, rotation=ROTATION, threads=AtOnce())
        self.claim: Claim | None = None
        self.lines = b""
        self.now = now
        self.known = [(0, now)]
        self.refusals = 0
        self._moment = moment

    def know(self, *allowed: bytes, blob: bool | None = None) -> None:
        self.now = Known(frozenset(allowed), self.now.blob if blob is None else blob)
        self.known.append((self._moment(), self.now))

    @contextlib.contextmanager
    def may_refuse(self) -> Iterator[None]:
        """The disk may fail this; nothing else may come of it."""
        try:
            yield
        except (StoreFull, Unavailable):
            self.refusals += 1

    async def open(self) -> None:
        """A server that cannot open its store does not start; it is started again."""
        for _ in range(10):
            try:
                self.store.open()
                return
            except Unavailable:
                self.refusals += 1
        raise Unable

    async def append(self, happened: Sequence[Any]) -> None:
        """Try up to four times, as a session would when the cause of an error has gone."""
        for _ in range(4):
            try:
                there = self.claim is not None or await self._claimed()
                lines = lines_of(self.lines.count(b"\n") + 1, happened)
                await (self._append(lines) if there else self._create(lines))
                return
            except StoreFull:
                self.refusals += 1
            except Unavailable:
                self.refusals += 1
                self.claim = None

    async def _claimed(self) -> bool:
        """Take the session over; what is there is acknowledged from now on, as it is shown to watchers."""
        try:
            self.claim = await self.store.claim(SESSION)
        except SessionNotFound:
            assert b"" in self.now.allowed
            self.lines = b""
            return False
        assert self.claim.damage is None, self.claim.damage
        self.lines = await everything(self.store, self.claim)
        assert self.lines in self.now.allowed, "an append turned up in half, or is lost"
        self.know(self.lines)
        return True

    async def _create(self, lines: list[bytes]) -> None:
        offered = b"".join(lines)
        # After a deletion that was refused, the old one may come back until the new one is acknowledged.
        self.know(*self.now.allowed, offered)
        self.claim = await self.store.create(SESSION, lines)
        self.lines = offered
        self.know(offered)

    async def _append(self, lines: list[bytes]) -> None:
        assert self.claim is not None
        before, offered = self.lines, self.lines + b"".join(lines)
        self.know(before, offered)
        try:
            await self.store.append(self.claim, lines, expect=self.claim.head)
        except StoreFull:
            # Nothing was stored, and nothing of it comes back.
            self.know(before)
            raise
        self.lines = offered
        self.know(offered)

    async def adopt(self, groups: Sequence[Sequence[Any]]) -> None:
        """Try up to three times; all of it is there, or nothing."""
        blocks: list[list[bytes]] = []
        for happened in groups:
            blocks.append(lines_of(sum(map(len, blocks)) + 1, happened))
        offered = b"".join(line for lines in blocks for line in lines)

        async def lines() -> AsyncIterator[Sequence[bytes]]:
            for block in blocks:
                yield block

        async def blobs() -> AsyncIterator[tuple[str, bytes]]:
            yield DIGEST, BLOB

        for _ in range(3):
            self.know(*self.now.allowed, offered)
            try:
                await self.store.adopt(SESSION, lines(), blobs())
            except (StoreFull, Unavailable):
                self.refusals += 1
            except SessionExists:
                # It was refused at the very last, when it had its name already.
                await self._claimed()
                return
            else:
                self.lines = offered
                self.know(offered, blob=True)
                return

    async def beside(self) -> None:
        """A blob, a snapshot, a piece of an answer and the list's cache."""
        assert self.claim is not None
        with self.may_refuse():
            await self.store.put_blob(self.claim, DIGEST, BLOB)
            self.know(*self.now.allowed, blob=True)
        with self.may_refuse():
            await self.store.put_snapshot(self.claim, SNAPSHOT)
        with self.may_refuse():
            await self.store.put_partial(self.claim, b"piece", append=False)
        with self.may_refuse():
            await self.store.put_index(b"cache")

    async def delete(self) -> None:
        self.claim = None
        for _ in range(3):
            self.know(*self.now.allowed, b"", blob=False)
            with self.may_refuse():
                await self.store.delete(SESSION)
                self.lines = b""
                self.know(b"", blob=False)
                return


async def everything(store: FileStore, claim: Claim) -> bytes:
    found, after = b"", 0
    while block := await store.read(claim, after, 1000):
        found, after = found + block, after + block.count(b"\n")
    return found


# --- the lives ------------------------------------------------------------------------------------------------------


async def conversing(teller: Teller) -> None:
    """Create, append, groups, rotation, and all that lies beside a log."""
    await teller.open()
    for number, happened in enumerate(HAPPENED):
        await teller.append(happened)
        if number == 3 and teller.claim is not None:
            await teller.beside()


async def deleting(teller: Teller) -> None:
    """Created, deleted, and created again under its name; deleted when it is long."""
    await teller.open()
    for happened in (HAPPENED[0], HAPPENED[1]):
        await teller.append(happened)
    await teller.delete()
    for happened in (HAPPENED[0], LONG, LONG, HAPPENED[2]):
        await teller.append(happened)
    await teller.delete()
    await teller.append(HAPPENED[0])


async def adopting_one(teller: Teller) -> None:
    """A log of several files comes from elsewhere, as a whole; and goes on."""
    await teller.open()
    await teller.adopt([LONG, [message("alone")], LONG[:2], LONG])
    await teller.append([message("goes on")])


async def going_on(teller: Teller) -> None:
    """The next process: opens the session as it is, and goes on with it."""
    await teller.open()
    await teller.append([message("goes on")])
    await teller.append([message("and on"), message("in a group")])


HAPPENED: list[Any] = [
    [message("begins")],
    [message("hi\n\u2028 {"), message('so: "}'), message("x" * 40)],
    [message("alone")],
    LONG,
    [message("after a change of files \N{GRINNING FACE}")],
    LONG[:2],
    [message("m"), message("n")],
    [message("thanks")],
]
STORIES = (conversing, deleting, adopting_one)


def live(
    root: Path,
    story: Callable[[Teller], Any],
    trouble: Trouble | None = None,
    make: Callable[..., Recorder] = Recorder,
) -> Life:
    """One story on a new disk, until its end or until it is killed."""
    return _told(make(root, (), trouble), story, NOTHING)


def live_on(root: Path, life: Life, count: int, trouble: Trouble | None = None) -> Life:
    """A process was killed behind `count` operations; the machine is up, and the next process goes on."""
    return _told(Recorder(root, life.operations[:count], trouble), going_on, life.at(count))


def _told(recorder: Recorder, story: Callable[[Teller], Any], known: Known) -> Life:
    began = len(recorder.operations)
    teller = Teller(recorder.root, recorder, lambda: len(recorder.operations), known)
    # The store removes trees past its disk.
    for module in (store, import_log):
        vars(module)["shutil"] = SimpleNamespace(rmtree=recorder.remove_tree)
    try:
        with contextlib.suppress(Killed):
            asyncio.run(story(teller))
    finally:
        vars(store)["shutil"] = vars(import_log)["shutil"] = shutil
        for fd in list(recorder._files):
            Disk.close(recorder, fd)
        shutil.rmtree(recorder.root)
    return Life(recorder.operations, teller.known, recorder.attempts, began)


# --- what a start finds -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """`cut`: recovery had something to cut off."""

    lines: bytes
    blob: bool
    torn: TornTail | None
    cut: bool


@dataclass
class Search:
    """Looks at disks; the same disk is looked at once. `states` counts disks with repetition."""

    folder: Path
    states: int = 0
    seen: dict[frozenset[tuple[str, bytes | None]], Found] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def place(self) -> Iterator[Path]:
        root = self.folder / str(next(self._numbers))
        yield root
        shutil.rmtree(root, ignore_errors=True)

    def look(self, image: Image, known: Known) -> bool:
        """Judge one disk; whether it is new. Raises AssertionError when a promise is broken."""
        self.states += 1
        key = frozenset(image.items())
        new = key not in self.seen
        if new:
            self.seen[key] = self._start(image)
        found = self.seen[key]
        assert found.lines in known.allowed, _difference(found.lines, known.allowed)
        assert found.blob or not known.blob, "an acknowledged blob is not there"
        return new

    def found(self, image: Image) -> Found:
        return self.seen[frozenset(image.items())]

    def _start(self, image: Image) -> Found:
        """Open the session twice, go on with it, and open it again."""
        with self.place() as root:
            write_image(root, image)
            sessions = root / "sessions"
            sessions.mkdir(exist_ok=True)
            disk = QuickDisk()
            lines, torn = opened(disk, sessions)
            once = read_image(root)
            assert opened(disk, sessions) == (lines, torn), "the second recovery finds something else"
            assert read_image(root) == once, "the second recovery changes something"
            more = gone_on(disk, sessions, lines)
            assert opened(disk, sessions)[0] == lines + more, "what was appended after recovery is not there"
        name = f"sessions/{SESSION}/"
        assert image.get(f"{name}state.yaml") in (None, SNAPSHOT), "half a snapshot has the name"
        blob = image.get(f"{name}blobs/{DIGEST}")
        assert blob in (None, BLOB), "half a blob has the name"
        log = f"{name}events.jsonl"
        return Found(lines, blob is not None, torn, len(image.get(log) or b"") > len(once.get(log) or b""))


def _difference(lines: bytes, allowed: frozenset[bytes]) -> str:
    heads = sorted(each.count(b"\n") for each in allowed)
    return f"found {lines.count(bytes([10]))} records, where there should be {heads}"


def opened(disk: Disk, sessions: Path) -> tuple[bytes, TornTail | None]:
    """The log as a start finds it; no bytes when there is no session."""
    log = LogFile(disk, sessions / SESSION, Stream(SESSION), ROTATION)
    try:
        log.open()
        assert log.damage is None, f"damage is told after a mere power cut: {log.damage}"
        lines = b""
        while block := log.read(lines.count(b"\n"), 1000):
            lines += block
    except SessionNotFound:
        return b"", None
    finally:
        log.close()
    return lines, log.torn


def gone_on(disk: Disk, sessions: Path, lines: bytes) -> bytes:
    """Append to the log, or begin it, in a process of its own; what was added."""
    log = LogFile(disk, sessions / SESSION, Stream(SESSION), ROTATION)
    more = lines_of(lines.count(b"\n") + 1, [message("after the power came back")])
    try:
        if lines:
            log.open()
            log.append(more, expect=lines.count(b"\n"))
        else:
            log.create(more)
    finally:
        log.close()
    return b"".join(more)


def recovered(root: Path, image: Image, lines: bytes) -> Life:
    """What the next start does to this disk: recovery, and one append."""
    recorder = Recorder(root, history_of(image))
    began = len(recorder.operations)
    sessions = root / "sessions"
    if "sessions" not in image:
        recorder.make_folder(sessions)
        recorder.sync_folder(root)
    opened(recorder, sessions)
    known = [(0, Known(frozenset([lines]))), (len(recorder.operations), Known(frozenset([lines])))]
    offered = lines + b"".join(lines_of(lines.count(b"\n") + 1, [message("after the power came back")]))
    known.append((len(recorder.operations), Known(frozenset([lines, offered]))))
    gone_on(recorder, sessions, lines)
    known.append((len(recorder.operations), Known(frozenset([offered]))))
    return Life(recorder.operations, known, recorder.attempts, began)

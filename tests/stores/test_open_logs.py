"""Too many open logs close their files: nothing is lost, and what somebody changed meanwhile is noticed."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.errors import Damaged, LogChanged, StoreFull, Unavailable
from duragent.stores.files.log_file import LogFile
from duragent.stores.files.open_logs import OpenLogs
from duragent.stores.files.store import FileStore
from tests.stores.meddling import lengthen, remove, replace_by_rename
from tests.support.logs import SESSION, QuickDisk, conversation, lines_of, message

APPENDS = conversation()


def _open_logs(root: Path) -> int:
    """Descriptors of this process that are logs below `root`."""
    names = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _is_link(name)]
    return sum(name.startswith(f"{root}/") and name.endswith("/events.jsonl") for name in names)


def _is_link(name: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{name}")


def _store(root: Path, most: Callable[[], int]) -> FileStore:
    store = FileStore(root, disk=QuickDisk(), open_logs=most)
    store.open()
    return store


async def test_many_sessions_need_a_bounded_number_of_descriptors_and_all_go_on(tmp_path: Path) -> None:
    most = [7]
    store = _store(tmp_path, lambda: most[0])
    names = [f"session_{number:03}" for number in range(60)]
    claims = [await store.create(name, lines_of(1, [message("one")], name)) for name in names]
    assert _open_logs(tmp_path) == 7
    for turn in (2, 3):
        for name, claim in zip(names, claims, strict=True):
            await store.append(claim, lines_of(turn, [message(f"turn {turn}")], name), expect=turn - 1)
            assert _open_logs(tmp_path) <= 7
    assert [(await store.read(claim, 0, 10)).count(b"\n") for claim in claims] == [3] * 60
    most[0] = 2
    await store.read(claims[0], 0, 1)
    assert _open_logs(tmp_path) == 2
    store.close()
    assert _open_logs(tmp_path) == 0


def test_least_recently_used_one_that_is_idle_is_let_go_of() -> None:
    logs = OpenLogs[str](lambda: 2)
    for name in ("a", "b", "a", "c", "d"):
        logs.used(name, name)
    assert logs.take_surplus(lambda name: name != "b") == ["a", "c"]
    assert logs.take_surplus(lambda name: True) == []
    logs.used("e", "e")
    logs.closed("d")
    assert logs.take_surplus(lambda name: True) == []


def test_one_that_is_closed_by_another_thread_meanwhile_is_not_let_go_of_twice() -> None:
    logs = OpenLogs[str](lambda: 0)
    for name in ("a", "b", "c"):
        logs.used(name, name)

    def looked_at(name: str) -> bool:
        logs.closed("b")
        return True

    assert logs.take_surplus(looked_at) == ["a", "c"]


@pytest.mark.parametrize("change", ["replaced", "removed", "longer"])
async def test_what_was_acknowledged_is_kept_when_its_log_is_changed_before_it_is_let_go_of(
    tmp_path: Path, change: str
) -> None:
    most = [2]
    store = _store(tmp_path, lambda: most[0])
    claim = await store.create(SESSION, APPENDS[0])
    await store.append(claim, APPENDS[1], expect=1)
    good, log = APPENDS[0][0] + b"".join(APPENDS[1]), tmp_path / SESSION / "events.jsonl"
    {"replaced": replace_by_rename, "removed": remove, "longer": lengthen}[change](log)
    changed = log.read_bytes() if log.exists() else None
    most[0] = 1
    await store.create("session_other", lines_of(1, [message("one")], "session_other"))
    assert (tmp_path / SESSION / "events.conflict-4").read_bytes() == good
    for _ in range(2):
        with pytest.raises(LogChanged, match=r"events\.conflict-4"):
            await store.append(claim, APPENDS[2], expect=4)
    assert (log.read_bytes() if log.exists() else None) == changed
    store.close()


async def test_a_log_that_cannot_be_let_go_of_is_no_fault_of_the_one_that_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: LogFile) -> None:
        raise Unavailable("it does not answer")

    monkeypatch.setattr(LogFile, "rest", fails)
    store = _store(tmp_path, lambda: 1)
    await store.create("session_other", lines_of(1, [message("one")], "session_other"))
    claim = await store.create(SESSION, APPENDS[0])
    await store.append(claim, APPENDS[1], expect=1)
    assert claim.head == 4
    store.close()


# --- touched by somebody else while it is not open -------------------------------------------------------------------


def nothing(log: Path) -> None:
    pass


def touch(log: Path) -> None:
    os.utime(log, (1, 1))


def shorten(log: Path) -> None:
    os.truncate(log, log.stat().st_size - 1)


def flip(log: Path) -> None:
    data = log.read_bytes()
    log.write_bytes(data.replace(b"assistant", b"assistent"))
    os.utime(log, (1, 1))


def other_log_of_that_size(log: Path) -> None:
    """As when the number of the file was used again."""
    size = log.stat().st_size
    line = lines_of(1, [message("")])[0]
    log.write_bytes(lines_of(1, [message("x" * (size - len(line)))])[0])
    assert log.stat().st_size == size
    os.utime(log, (1, 1))


@pytest.mark.parametrize("change", [nothing, touch])
async def test_log_that_is_as_it_was_goes_on(tmp_path: Path, change: Callable[[Path], None]) -> None:
    store = _store(tmp_path, lambda: 0)
    claim = await store.create(SESSION, APPENDS[0])
    await store.append(claim, APPENDS[1], expect=1)
    change(tmp_path / SESSION / "events.jsonl")
    assert await store.read(claim, 0, 100) == APPENDS[0][0] + b"".join(APPENDS[1])
    await store.append(claim, APPENDS[2], expect=4)
    store.close()


@pytest.mark.parametrize("change", [replace_by_rename, remove, lengthen, shorten, flip, other_log_of_that_size])
@pytest.mark.parametrize("how", ["append", "read"])
async def test_log_that_was_changed_while_it_was_not_open_is_not_acknowledged(
    tmp_path: Path, change: Callable[[Path], None], how: str
) -> None:
    store = _store(tmp_path, lambda: 0)
    claim = await store.create(SESSION, APPENDS[0])
    await store.append(claim, APPENDS[1], expect=1)
    log = tmp_path / SESSION / "events.jsonl"
    change(log)
    changed = log.read_bytes() if log.exists() else None
    expected = Damaged if change is flip else LogChanged
    for _ in range(2 if how == "read" else 0):
        with pytest.raises(expected):
            await store.read(claim, 0, 100)
    for _ in range(2):
        with pytest.raises(expected):
            await store.append(claim, APPENDS[2], expect=4)
    assert (log.read_bytes() if log.exists() else None) == changed
    store.close()


async def test_log_that_cannot_be_opened_again_for_lack_of_descriptors_refuses_and_goes_on_later(
    tmp_path: Path,
) -> None:
    class Short(QuickDisk):
        short = False

        def open(self, path: Path, *, scratch: bool = False) -> int:
            if self.short:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return super().open(path, scratch=scratch)

    disk = Short()
    store = FileStore(tmp_path, disk=disk, open_logs=lambda: 0)
    store.open()
    claim = await store.create(SESSION, APPENDS[0])
    disk.short = True
    with pytest.raises(StoreFull, match=r"nothing was stored .*Too many open files .*ulimit -n"):
        await store.append(claim, APPENDS[1], expect=1)
    disk.short = False
    await store.append(claim, APPENDS[1], expect=1)
    assert await store.read(claim, 1, 100) == b"".join(APPENDS[1])
    store.close()

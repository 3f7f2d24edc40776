"""Mending a damaged log: wherever the damage is, and whenever the mending is cut short."""

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest

from duragent.crashpoint import CrashPointReached
from duragent.errors import Damaged, DuragentError, Unavailable
from duragent.journal import snapshot
from duragent.journal.apply import reduce
from duragent.journal.line import crc_of
from duragent.journal.record import crc_seed, decode
from duragent.journal.state import SessionState
from duragent.stores.base import Stream, TornTail
from duragent.stores.files.checkup import check
from duragent.stores.files.repair import mend
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.support.logs import SESSION, QuickDisk, conversation, lines_of, message, spoil

LINES = [line for lines in conversation() for line in lines]
GROUPS = {3: 1, 4: 1, 10: 8}
"""For the records within a group: the last good one before it."""


async def make_log(root: Path, events: int = 5) -> Path:
    """The conversation, in files of about so many records."""
    store = FileStore(root, disk=QuickDisk(), rotation=Rotation(events=events))
    store.open()
    claim = None
    for lines in conversation():
        if claim is None:
            claim = await store.create(SESSION, lines)
        else:
            await store.append(claim, lines, expect=claim.head)
    store.close()
    return root / SESSION


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def closing(good_seq: int, said: list[TornTail] | None = None) -> Callable[[TornTail], Sequence[bytes]]:
    def closed(tail: TornTail) -> Sequence[bytes]:
        if said is not None:
            said.append(tail)
        return lines_of(good_seq + 1, [message("mended"), message("closed")])

    return closed


def whole_log(folder: Path) -> bytes:
    sealed = sorted(folder.glob("events-*.jsonl"), key=lambda path: int(path.stem.split("-")[1]))
    return b"".join(path.read_bytes() for path in [*sealed, folder / "events.jsonl"] if path.exists())


async def opened(root: Path) -> tuple[int, Damaged | None]:
    """How far it is good, and its damage, if anybody who looks at all of it finds any."""
    store = FileStore(root, disk=QuickDisk(), rotation=Rotation(events=5))
    store.open()
    try:
        claim = await store.claim(SESSION)
        try:
            await store.verify(SESSION)
        except Damaged as error:
            return error.good_seq, error
        return claim.head, claim.damage
    finally:
        store.close()


@pytest.mark.parametrize("events", [3, 5, 100])
async def test_damage_at_any_record_is_put_aside_and_the_log_goes_on(tmp_path: Path, events: int) -> None:
    whole = await make_log(tmp_path / "whole", events)
    for seq in range(2, len(LINES) + 1):
        root = tmp_path / str(seq)
        shutil.copytree(whole, root / SESSION)
        spoil(root / SESSION, seq)
        before, good = whole_log(root / SESSION), GROUPS.get(seq, seq - 1)
        good_bytes = b"".join(LINES[:good])
        said: list[TornTail] = []
        mend(QuickDisk(), root / SESSION, Stream(SESSION), good, closing(good, said))
        assert whole_log(root / SESSION) == good_bytes + b"".join(closing(good)(said[0]))
        assert (root / SESSION / said[0].saved_as).read_bytes() == before.removeprefix(good_bytes)
        assert said[0].size_bytes == len(before) - len(good_bytes)
        assert await opened(root) == (good + 2, None)
        assert check(root, SESSION).kept_aside == (f"events.damaged-{good + 1}",)


async def test_log_without_any_good_record_is_left_as_it_is(tmp_path: Path) -> None:
    folder = await make_log(tmp_path)
    spoil(folder, 1)
    before = files(folder)
    for good_seq in (0, 1, 99):
        with pytest.raises(Damaged, match=f"there is no good record {good_seq} to go on from"):
            mend(QuickDisk(), folder, Stream(SESSION), good_seq, closing(good_seq))
    assert files(folder) == before


async def test_group_is_never_cut_in_two(tmp_path: Path) -> None:
    folder = await make_log(tmp_path)
    spoil(folder, 10)
    before = files(folder)
    with pytest.raises(Damaged):
        mend(QuickDisk(), folder, Stream(SESSION), 9, closing(9))
    assert files(folder) == before


async def test_log_that_a_summary_has_seen_more_of_is_mended_where_it_ends(tmp_path: Path) -> None:
    folder = await make_log(tmp_path)
    write_snapshot(folder, len(LINES))
    last = folder / "events.jsonl"
    last.write_bytes(last.read_bytes().removesuffix(LINES[-1]))
    assert (damage := check(tmp_path, SESSION).damage) is not None
    assert "state.yaml has seen 15" in damage.problem
    said: list[TornTail] = []
    mend(QuickDisk(), folder, Stream(SESSION), 14, closing(14, said))
    assert (said[0].size_bytes, said[0].saved_as) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in folder.glob("events*.jsonl"))
    assert (await opened(tmp_path), check(tmp_path, SESSION).damage) == ((16, None), None)


async def test_second_damage_at_the_same_place_is_kept_beside_the_first(tmp_path: Path) -> None:
    folder = await make_log(tmp_path)
    for number in (1, 2):
        spoil(folder, 13)
        mend(QuickDisk(), folder, Stream(SESSION), 12, closing(12))
        assert len(list(folder.glob("events.damaged-13*"))) == number


def write_snapshot(folder: Path, seq: int) -> None:
    seed = crc_seed(SESSION)
    state = reduce(SessionState(SESSION), [decode(line, seed) for line in LINES[:seq]])
    (folder / "state.yaml").write_bytes(snapshot.dump(snapshot.Snapshot(state, crc_of(LINES[seq - 1]))))


# --- cut short ------------------------------------------------------------------------------------------------------


class _Stopping(QuickDisk):
    """Does so many changing operations; then the process is dead, or the disk full."""

    def __init__(self, steps: int | None, error: BaseException) -> None:
        """None: it works until `stop_in` says otherwise."""
        self.steps, self.error = steps, error

    def stop_in(self, steps: int | None) -> None:
        self.steps = steps

    def _step(self) -> None:
        if self.steps is None:
            return
        if self.steps == 0:
            raise self.error
        self.steps -= 1

    def create(self, path: Path) -> int:
        self._step()
        return super().create(path)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        # Half of it first: what is cut short is cut short anywhere.
        super().write(fd, data[: len(data) // 2], offset)
        self._step()
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._step()

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        if path.exists():
            self._step()
        super().unlink(path)

    def sync_folder(self, path: Path) -> None:
        self._step()


PLACES = [(100, 10, True), (5, 3, True), (5, 12, False), (3, 6, True), (3, 15, True), (3, 5, False)]
"""Files with so many records, the damaged record, and whether there is a summary."""


@pytest.mark.parametrize(("events", "seq", "summary"), PLACES)
@pytest.mark.parametrize("error", [CrashPointReached("here"), OSError(28, os.strerror(28))], ids=["killed", "full"])
async def test_mending_may_be_cut_short_at_every_operation_and_be_done_again(
    tmp_path: Path, events: int, seq: int, summary: bool, error: BaseException
) -> None:
    whole = await make_log(tmp_path / "whole", events)
    spoil(whole, seq)
    if summary:
        write_snapshot(whole, len(LINES))
    before, good = files(whole), GROUPS.get(seq, seq - 1)
    mended = b"".join([*LINES[:good], *lines_of(good + 1, [message("mended"), message("closed")])])
    for steps in count():
        root = tmp_path / str(steps)
        folder = Path(shutil.copytree(whole, root / SESSION))
        try:
            mend(_Stopping(steps, error), folder, Stream(SESSION), good, closing(good))
            break
        except (CrashPointReached, OSError):
            pass
        _nothing_lost(before, files(folder))
        found, damage = await opened(root)
        if check(root, SESSION).damage is None:
            assert (whole_log(folder), found, damage) == (mended, good + 2, None)
            continue
        # Damaged as it was; and done again, it is mended, and still nothing is lost.
        again = _good(root)
        mend(QuickDisk(), folder, Stream(SESSION), again, closing(again))
        _nothing_lost(before, files(folder))
        assert await opened(root) == (again + 2, None)
        assert again in (good, good + 2)
        assert check(root, SESSION).damage is None
    assert steps >= 9


def _good(root: Path) -> int:
    """Up to where it is good, for whoever reads it from the beginning."""
    return check(root, SESSION).records


def _nothing_lost(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    logs = [data for name, data in after.items() if name.startswith("events")]
    for name, data in before.items():
        for line in data.splitlines(keepends=True) if name.startswith("events") else ():
            assert any(line in each for each in logs), (name, line)


async def test_claim_is_over_when_mending_failed_and_the_next_one_finds_out_how_it_is(tmp_path: Path) -> None:
    folder = await make_log(tmp_path)
    spoil(folder, 12)
    disk = _Stopping(None, OSError(28, os.strerror(28)))
    store = FileStore(tmp_path, disk=disk)
    store.open()
    claim = await store.claim(SESSION)
    disk.stop_in(7)
    with pytest.raises(Unavailable):
        await store.mend(claim, 11, closing(11))
    disk.stop_in(None)
    with pytest.raises(DuragentError):
        await store.read(claim, 0, 10)
    again = await store.claim(SESSION)
    assert again.damage is not None
    await store.mend(again, 11, closing(11))
    assert (await store.claim(SESSION)).head == 13
    with contextlib.closing(store):
        await store.verify(SESSION)

"""Power is cut while a log takes the place of another one, as a redaction does: one of the two is there, whole.

Once that was acknowledged it is the new one, and nothing of the old one is in any file.
"""

import shutil
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from duragent.journal import events as e
from duragent.stores.files.checkup import check
from duragent.stores.files.disk import Disk
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.campaigns.campaign import Campaign
from tests.campaigns.mutants.in_place import taken_out
from tests.campaigns.mutants.mutant import Edit, without
from tests.campaigns.platter import Platter, write_image
from tests.campaigns.power import AtOnce
from tests.campaigns.recorder import Recorder
from tests.stores.test_repair import whole_log
from tests.support.logs import SESSION, QuickDisk, lines_of, message

BLOB = b"a text"
OLD = [lines_of(1, [e.SessionCreated(agent="assistant")])]
OLD += [lines_of(at, [message(f"secret {at}")]) for at in range(2, 7)]
NEW = [*OLD[0], *(line for at in range(2, 7) for line in lines_of(at, [message(f"word {at}")]))]


class _OneAfterTheOther(Recorder):
    """A file system on which two folders cannot change names in one step."""

    def exchange(self, one: Path, other: Path) -> bool:
        return False


async def _appends() -> AsyncIterator[Sequence[bytes]]:
    yield NEW[:3]
    yield NEW[3:]


async def _blobs() -> AsyncIterator[tuple[str, bytes]]:
    yield sha256(BLOB).hexdigest(), BLOB


def _store(root: Path, disk: Disk) -> FileStore:
    store = FileStore(root / "sessions", disk=disk, rotation=Rotation(events=4), threads=AtOnce())
    store.open()
    return store


async def _search(campaign: Campaign, folder: Path, *, pairs: bool, most: int) -> set[bool]:
    recorder = (Recorder if pairs else _OneAfterTheOther)(folder / "life")
    store = _store(folder / "life", recorder)
    claim = await store.create(SESSION, OLD[0])
    for lines in OLD[1:]:
        await store.append(claim, lines, expect=claim.head)
    began = len(recorder.operations)
    await store.replace(claim, _appends(), _blobs())
    done = len(recorder.operations)
    store.close()
    found, disks = set[bool](), 0
    for count in campaign.cases(range(began, len(recorder.operations) + 1)):
        with campaign.case(count) as chance:
            for image in Platter(recorder.operations[:count]).after_cuts(chance, most):
                root = folder / f"{count}-{disks}"
                write_image(root, image)
                found.add(_judged(root, acknowledged=count >= done))
                disks += 1
                shutil.rmtree(root)
    print(f"power cut in a replacement: {disks} disks")  # noqa: T201  # what a campaign did
    return found


def _judged(root: Path, *, acknowledged: bool) -> bool:
    """Whether it is the new log that a start finds."""
    _store(root, QuickDisk()).close()
    sessions = root / "sessions"
    left = sorted(path.name for path in sessions.iterdir() if path.is_dir())
    assert left == [SESSION], left
    assert check(sessions, SESSION).damage is None
    log = whole_log(sessions / SESSION)
    is_new = log == b"".join(NEW)
    assert is_new or log == b"".join(line for lines in OLD for line in lines)
    assert is_new or not acknowledged, "the old one is there again"
    texts = b"".join(path.read_bytes() for path in sessions.rglob("*") if path.is_file())
    assert (b"secret" in texts) == (not is_new)
    assert (BLOB in texts) == is_new
    return is_new


@pytest.mark.parametrize("pairs", [True, False])
async def test_power_cut_while_a_log_takes_the_place_of_another(
    campaign: Campaign, tmp_path: Path, pairs: bool
) -> None:
    assert await _search(campaign, tmp_path, pairs=pairs, most=4) == {False, True} or campaign.only is not None


@pytest.mark.campaign
@pytest.mark.parametrize("pairs", [True, False])
async def test_power_cut_while_a_log_takes_the_place_of_another_in_the_long_search(
    campaign: Campaign, tmp_path: Path, pairs: bool
) -> None:
    assert await _search(campaign, tmp_path, pairs=pairs, most=200) == {False, True} or campaign.only is not None


async def test_search_finds_a_name_that_is_not_on_the_disk(campaign: Campaign, tmp_path: Path) -> None:
    mutant = without(
        "a replacement without the sync of its name",
        "the sync of the folder",
        Edit(
            "duragent.stores.files.renewal",
            "        try:\n            self._disk.sync_folder(self._root)\n        except OSError:",
            "        try:\n            pass\n        except OSError:",
        ),
        "here",
    )
    with taken_out(mutant), pytest.raises(AssertionError, match="there again"):
        await _search(campaign, tmp_path, pairs=True, most=12)

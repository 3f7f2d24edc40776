"""A blob is what its name says, or damage of its stream."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.errors import Damaged
from duragent.stores.base import Stream
from duragent.stores.files.blobs import read_blob, write_blob
from tests.support.logs import SESSION, QuickDisk

DATA = bytes(range(256)) * 300
NAME = hashlib.sha256(DATA).hexdigest()


def changed(path: Path) -> None:
    path.write_bytes(DATA[:-1] + b"x")


def cut(path: Path) -> None:
    path.write_bytes(DATA[:-1])


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (Path.unlink, "the blob is absent"),
        (changed, "the blob is not what its name says"),
        (cut, "the blob is not what its name says"),
        (a_folder, "the blob cannot be read: "),
    ],
)
def test_blob_that_is_not_what_was_stored_is_damage(
    tmp_path: Path, spoil: Callable[[Path], None], problem: str
) -> None:
    for _ in range(2):
        write_blob(QuickDisk(), tmp_path, NAME, DATA)
    assert read_blob(QuickDisk(), tmp_path, NAME, (Stream(SESSION), 7)) == DATA
    spoil(tmp_path / "blobs" / NAME)
    with pytest.raises(Damaged) as damaged:
        read_blob(QuickDisk(), tmp_path, NAME, (Stream(SESSION), 7))
    fault = damaged.value
    assert (fault.session_id, fault.file, fault.good_seq, fault.is_of_blob) == (SESSION, f"blobs/{NAME}", 7, True)
    assert fault.problem.startswith(problem)

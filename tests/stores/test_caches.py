"""Files that may be absent, old or torn."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest

from duragent.stores.files.caches import Scratch, read_or_none
from tests.support.logs import QuickDisk


class Refusing(QuickDisk):
    def __init__(self, error: int) -> None:
        self.error = error

    def read_file(self, path: Path, limit_bytes: int) -> bytes:
        raise OSError(self.error, os.strerror(self.error))


def test_what_is_absent_too_long_or_no_file_counts_as_absent(tmp_path: Path) -> None:
    path = tmp_path / "state.yaml"
    assert read_or_none(QuickDisk(), path, 100) is None
    path.write_bytes(b"x" * 100)
    assert read_or_none(QuickDisk(), path, 100) == b"x" * 100
    assert read_or_none(QuickDisk(), path, 99) is None
    assert read_or_none(QuickDisk(), tmp_path, 100) is None


@pytest.mark.parametrize(("error", "is_shortage"), [(errno.EMFILE, True), (errno.ENOMEM, True), (errno.EIO, False)])
def test_shortage_is_an_error_only_where_the_file_may_not_lack(tmp_path: Path, error: int, is_shortage: bool) -> None:
    assert read_or_none(Refusing(error), tmp_path / "x", 100) is None
    if is_shortage:
        with pytest.raises(OSError, match=os.strerror(error)):
            read_or_none(Refusing(error), tmp_path / "x", 100, may_lack=False)
    else:
        assert read_or_none(Refusing(error), tmp_path / "x", 100, may_lack=False) is None


def test_scratch_is_appended_to_or_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "partial.jsonl"
    for data, append, content in ((b"ab", True, b"ab"), (b"c", True, b"abc"), (b"x", False, b"x"), (b"", False, b"")):
        with closing(Scratch(QuickDisk(), path)) as scratch:
            scratch.put(data, append)
        assert path.read_bytes() == content

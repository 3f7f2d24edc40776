"""The /tmp of each session's commands, as a folder of the workspace."""

import os
import stat
from pathlib import Path

from duragent.turn.temporary_folders import TemporaryFolders


def test_folder_is_the_owners_alone_and_stays_the_same(tmp_path: Path) -> None:
    folders = TemporaryFolders(tmp_path / "tmp")
    first = folders.of("session_1")
    assert first is not None
    (first / "kept").touch()
    assert folders.of("session_1") == first
    assert stat.S_IMODE(first.stat().st_mode) == stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    assert list(folders.names()) == ["session_1"]


def test_all_of_it_goes_whatever_a_command_left_and_nothing_that_a_link_leads_to(tmp_path: Path) -> None:
    folders = TemporaryFolders(tmp_path / "tmp")
    folder = folders.of("session_1")
    assert folder is not None
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (folder / "link").symlink_to(outside)
    closed = folder / "closed" / "deep"
    closed.mkdir(parents=True)
    (closed / "file").touch()
    closed.chmod(0o500)
    closed.parent.chmod(0o000)
    _nested(folder, 3_000)
    folders.remove("session_1")
    folders.remove("session_2")
    assert (list(folders.names()), [path.name for path in outside.iterdir()]) == ([], ["precious"])


def _nested(folder: Path, levels: int) -> None:
    """Folders in folders, deeper than a path can be long and than a program can go by recursion."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("file", os.O_CREAT, dir_fd=here))
    os.close(here)


def test_without_a_place_for_it_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "tmp").touch()
    folders = TemporaryFolders(tmp_path / "tmp")
    assert (folders.of("session_1"), list(folders.names())) == (None, [])

"""The /tmp of each session's commands, as a folder of the workspace."""

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
    folders.remove("session_1")
    folders.remove("session_2")
    assert (list(folders.names()), [path.name for path in outside.iterdir()]) == ([], ["precious"])


def test_without_a_place_for_it_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "tmp").touch()
    folders = TemporaryFolders(tmp_path / "tmp")
    assert (folders.of("session_1"), list(folders.names())) == (None, [])

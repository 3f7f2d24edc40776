"""Two files change names in one step."""

from pathlib import Path

import pytest

from duragent.system.exchange import exchange


def test_files_have_each_others_names(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    if not exchange(one, other):
        pytest.skip("this system cannot do it")
    assert (one.read_text(), other.read_text()) == ("2", "1")


def test_missing_file_is_an_error_and_nothing_moves(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    if not exchange(one, one):
        pytest.skip("this system cannot do it")
    with pytest.raises(FileNotFoundError):
        exchange(one, other)
    assert one.read_text() == "1"

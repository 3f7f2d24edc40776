"""Long pastes and the marks that stand for them."""

from pathlib import Path

import pytest

from duragent.cli.chat.pastes import FOLD_CHARS, FOLD_LINES, Entered, Pastes, write_file

LONG = "line\n" * (FOLD_LINES + 1)


@pytest.mark.parametrize(
    ("pasted", "shown"),
    [
        ("word", "word"),
        ("line\n" * FOLD_LINES, "line\n" * FOLD_LINES),
        (LONG, "[pasted 11 lines]"),
        (LONG + "end", "[pasted 12 lines]"),
        ("line\n" * 12_345, "[pasted 12,345 lines]"),
        ("x" * FOLD_CHARS, "x" * FOLD_CHARS),
        ("x" * (FOLD_CHARS + 1), "[pasted 2,001 characters]"),
    ],
)
def test_paste_over_ten_lines_folds(pasted: str, shown: str) -> None:
    pastes = Pastes()
    assert pastes.folded(pasted) == shown
    assert pastes.unfolded(f"see {shown} there") == f"see {pasted} there"


def test_each_paste_has_a_mark_of_its_own() -> None:
    pastes = Pastes()
    marks = [pastes.folded(text) for text in (LONG, LONG.upper(), LONG.title())]
    assert marks == ["[pasted 11 lines]", "[pasted 11 lines #2]", "[pasted 11 lines #3]"]
    assert pastes.unfolded(" ".join(reversed(marks))) == " ".join((LONG.title(), LONG.upper(), LONG))


def test_mark_in_a_paste_and_one_that_stands_for_nothing_stay_text() -> None:
    pastes = Pastes()
    assert pastes.unfolded("[pasted 11 lines]") == "[pasted 11 lines]"
    first = pastes.folded(LONG)
    second = pastes.folded(first + "\n" + LONG)
    assert pastes.entered(second) == Entered(second, first + "\n" + LONG, second)


def test_mark_at_the_end_and_the_largest_one_are_found() -> None:
    pastes = Pastes()
    small, large = pastes.folded(LONG), pastes.folded(LONG * 2)
    assert pastes.mark_before(f"a {small}") == small
    assert pastes.mark_before(f"{small} a") == ""
    assert pastes.mark_before("a [pasted 99 lines]") == ""
    assert (pastes.largest_in(f"{large} {small}"), pastes.largest_in("a")) == (large, "")


def test_file_is_new_and_the_owners(tmp_path: Path) -> None:
    (tmp_path / "pasted-1.txt").write_text("mine")
    path = write_file(tmp_path, "a\r\nb\udcff")
    assert (path.name, path.read_bytes(), path.stat().st_mode & 0o777) == ("pasted-2.txt", b"a\r\nb\xff", 0o600)
    assert (tmp_path / "pasted-1.txt").read_text() == "mine"

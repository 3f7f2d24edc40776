"""The diff of a change that waits: cut in the middle, and never in silence."""

import pytest

from duragent.cli.chat.diffs import FOLDED_LINES, added_and_removed, excerpt, is_whole

CONTEXT = " same"
DIFF = "\n".join(["@@ -1,9 +1,9 @@", *[CONTEXT] * 3, *(f"-old {at}" for at in range(9)), *[CONTEXT] * 3])


def texts(preview: str, width: int = 40, space: int = 100) -> list[str]:
    return [line.text for line in excerpt(preview, width, space)[0]]


def test_what_fits_is_shown_whole() -> None:
    assert texts(DIFF) == DIFF.split("\n")
    assert excerpt(DIFF, 40, 100)[1]
    assert added_and_removed(DIFF) == "+0 -9"


def test_rows_that_do_not_change_go_first_and_then_the_middle() -> None:
    changes = ["@@ -1,9 +1,9 @@", *(f"-old {at}" for at in range(9))]
    assert texts(DIFF, space=12) == [*changes, "… 6 more lines: v shows all"]
    cut = texts(DIFF, space=6)
    assert cut == [*changes[:3], "… 11 more lines: v shows all", *changes[-2:]]
    assert not excerpt(DIFF, 40, 6)[1]


@pytest.mark.parametrize("space", range(1, 20))
def test_no_more_lines_are_taken_than_there_are_and_none_is_lost_uncounted(space: int) -> None:
    shown = texts(DIFF, space=space)
    assert len(shown) <= space
    hidden = [int(line.split()[1]) for line in shown if line.startswith("…")]
    assert len(shown) - len(hidden) + sum(hidden) == len(DIFF.split("\n"))


def test_a_long_row_is_folded_below_its_text_and_says_how_long_it_is() -> None:
    assert texts("+" + "abcdefghij" * 2, width=11) == ["+abcdefghij", " abcdefghij"]
    wide = texts("+" + "\U0001f469" * 12, width=11)
    assert "".join(line[1:] for line in wide) == "\U0001f469" * 12
    shown, whole = excerpt("+" + "x" * 10_000, 40, 100)
    assert (len(shown), whole) == (FOLDED_LINES, False)
    assert shown[-1].text == " … 10,001 characters in this line"


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert texts("+a\u202eb\r\x1b[2J\t.") == ["+a<U+202E>b\ufffd\ufffd[2J    ."]


def test_a_diff_that_was_cut_by_the_server_is_known() -> None:
    assert is_whole("@@ @@\n+… more")
    assert not is_whole("@@ @@\n+a\n… 3 more lines of diff")

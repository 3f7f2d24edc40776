"""Programs that write or run something only by one of their options, or by a small language of their own."""

from collections.abc import Callable

import pytest

from duragent.policy.shell.inside import Inside, Words
from duragent.policy.shell.options import awk, date, dd, risky, sed, tee, uniq
from tests.policy.shell.words_of import words_of

SORT = risky("o", "--output", "--compress-program")
TEST = risky("vR", ends=False)


@pytest.mark.parametrize(
    ("look", "command", "asks"),
    [
        (SORT, "sort -r f", False),
        (SORT, "sort -o f", True),
        (SORT, "sort -ro f", True),
        (SORT, "sort --out f", True),
        (SORT, "sort --output=f", True),
        (SORT, "sort -- -o", False),
        (SORT, "sort -k -- -o f", True),
        (SORT, "sort $X", True),
        (SORT, "sort *", True),
        (TEST, "test -- -v x", True),
        (sed, "sed -n '1,5p' f", False),
        (sed, "sed -e 's/a/b/g' -e p f", False),
        (sed, "sed -i s/a/b/ f", True),
        (sed, "sed 's/a/b/e' f", True),
        (sed, "sed 'w out' f", True),
        (sed, "sed $X f", True),
        (awk, "awk '{print $1}' f", False),
        (awk, "awk '{print > \"x\"}' f", True),
        (awk, "awk 'BEGIN{system(\"ls\")}'", True),
        (awk, "awk -f prog f", True),
        (uniq, "uniq -c f", False),
        (uniq, "uniq f out", True),
        (uniq, "uniq -- -f out", True),
        (uniq, "uniq *", True),
        (date, "date +%s", False),
        (date, "date 010100002030", True),
        (date, "date -s now", True),
    ],
)
def test_option_that_may_write_or_run_something_has_a_reason(
    look: Callable[[Words], Inside], command: str, asks: bool
) -> None:
    assert bool(look(words_of(command)).reasons) is asks


@pytest.mark.parametrize(
    ("look", "command", "writes"),
    [(tee, "tee -a a b", ["a", "b"]), (tee, "tee a -- -b", ["a", "-b"]), (dd, "dd if=a of=b", ["b"]), (dd, "dd", [])],
)
def test_files_that_are_written_are_known(look: Callable[[Words], Inside], command: str, writes: list[str]) -> None:
    assert [word.text for word in look(words_of(command)).writes] == writes

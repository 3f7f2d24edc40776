"""What a command may run besides itself: the helpers of every look into one."""

import pytest

from duragent.policy.shell.inside import MAX_TAIL, MAX_TAILS, base_name, split, suffixes
from duragent.policy.shell.words import literal
from tests.policy.shell.words_of import texts


@pytest.mark.parametrize(("text", "name"), [("ls", "ls"), ("/bin/ls", "ls"), ("a/b/", "")])
def test_base_name(text: str, name: str) -> None:
    assert base_name(text) == name


def test_every_tail_of_the_words_is_a_guess() -> None:
    assert [texts(tail) for tail in suffixes(split("flock f  ls -l"))] == ["f ls -l", "ls -l", "-l"]
    assert suffixes(split("ls")) == ()


def test_tails_of_a_long_text_are_bounded_and_end_in_what_could_be_anything() -> None:
    tails = suffixes(tuple(literal("x") for _ in range(1_000)))
    assert len(tails) == MAX_TAILS
    assert max(map(len, tails)) == MAX_TAIL
    assert not tails[-1][0].literal

"""A shell text as it was understood."""

import pytest

from duragent.policy.shell.script import Assignment
from duragent.policy.shell.words import Word, read_word


@pytest.mark.parametrize(
    ("assignment", "canonical"),
    [
        (Assignment("A", read_word("1", {}), "A=1"), "A=1"),
        (Assignment("A", read_word('"a b"', {}), 'A="a b"'), "A='a b'"),
        (Assignment("A", read_word("$B", {}), "A=$B"), "A=$B"),
        (Assignment("A", Word("", ""), "A="), "A="),
        (Assignment("A", None, "A+=(1 2)"), "A+=(1 2)"),
    ],
)
def test_assignment_is_written_with_the_quotes_that_are_needed(assignment: Assignment, canonical: str) -> None:
    assert assignment.canonical == canonical

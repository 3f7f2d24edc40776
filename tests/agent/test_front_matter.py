"""YAML at the beginning of Markdown files."""

import pytest

from duragent.agent.front_matter import has_front_matter, split_front_matter
from duragent.errors import InvalidFile


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("---\na: 1\n---\nb", True),
        ("\n# Title\n\n---\n", True),
        ("text\n---\n", False),
        ("", False),
        ("# Only\n", False),
    ],
)
def test_front_matter_is_seen_behind_blank_lines_and_headings(text: str, has: bool) -> None:
    assert has_front_matter(text) is has


def test_front_matter_and_body_are_told_apart() -> None:
    document, body = split_front_matter("# T\n---\na: 1\n---\n\nthe body\n", "x.md", "a:")
    assert (document.data, document.line(("a",)), body) == ({"a": 1}, 3, "the body")


@pytest.mark.parametrize(
    ("text", "says"), [("body", "begin with a line ---, then a:"), ("---\na: 1\n", "close it with a line ---")]
)
def test_fault_says_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        split_front_matter(text, "x.md", "a:")

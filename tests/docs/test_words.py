"""Docstrings and comments are plain present-day English, and a public class name stands for one thing."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT

PACKAGE = ROOT / "duragent"
TURNS = (
    "whoever|nobody|somebody|anew|behind which|so long as|who (?:waits?|wants?|reads?|watch(?:es)?|asks?|is)"
    "|(?:is|are) told|(?:has|have) to come again|comes? again|whichever|there(?:by|of|in|from|upon)"
    "|where(?:of|by|in|upon)|whence|hence|thence|lest|upon|shall|ought to|in vain|brings? about|be it|that which"
)
"""Turns of phrase that a reader of today stumbles over. Say who does what instead: subject, verb, noun."""

LEFT: dict[str, int] = {
    "tools": 1,
}
"""How many of them each room still has. A figure here only falls; a room that is not here has none.

The one in `tools` is in what a model reads about `bash`, which stays as it is."""

_TURN = re.compile(rf"\b(?:{TURNS})\b", re.IGNORECASE)
_TOP = "(top)"


def rooms() -> dict[str, list[Path]]:
    """The source files of each room; those beside the rooms are one more."""
    files = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        folder, _, rest = path.relative_to(PACKAGE).as_posix().partition("/")
        files[folder if rest else _TOP].append(path)
    return files


def turns_in(text: str) -> Iterator[tuple[int, str]]:
    """Line and words of each turn in the docstrings and comments of this source, also across the ends of lines."""
    for line, prose in _prose(text):
        joined = " ".join(prose.split())
        yield from ((line, joined[max(0, m.start() - 40) : m.end() + 40]) for m in _TURN.finditer(joined))


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Strings that stand as statements, of which docstrings and those under fields are the common kinds; comments."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(prose))):
                yield node.lineno, prose
    first, last, block = 0, 0, ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            line, comment = token.start[0], token.string.lstrip("#")
            if line != last + 1:
                yield first, block
                first, block = line, ""
            last, block = line, f"{block} {comment}"
    yield first, block


ROOMS = rooms()


@pytest.mark.parametrize("room", ROOMS)
def test_room_is_written_in_plain_words(room: str) -> None:
    seen = []
    for path in ROOMS[room]:
        text = path.read_text()
        # Most files have none, and looking at their text is enough to know it.
        if _TURN.search(" ".join(text.replace("#", " ").split())):
            seen += [f"{path.relative_to(ROOT)}:{line}: … {words} …" for line, words in turns_in(text)]
    assert len(seen) <= LEFT.get(room, 0), "\n".join(["say it plainly:", *seen])


def test_table_names_rooms_that_there_are() -> None:
    assert set(LEFT) <= set(ROOMS)


def test_turns_are_found_in_docstrings_and_comments_alone() -> None:
    source = '''\
"""Nobody knows."""
FIELD = 1
"""Who
waits."""
# This is
# told twice.

shown = "somebody"  # so long as it lasts
def whoever() -> None:
    raise ValueError("upon")
'''
    assert [(line, _TURN.findall(words)[0]) for line, words in turns_in(source)] == [
        (1, "Nobody"),
        (3, "Who waits"),
        (5, "is told"),
        (8, "so long as"),
    ]


def test_public_class_name_stands_for_one_thing() -> None:
    places = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for name in re.findall(r"^class ([A-Za-z]\w*)", path.read_text(), re.MULTILINE):
            places[name].append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}

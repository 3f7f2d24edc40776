"""What docstrings, comments and pages name in backticks is there."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.support.pages import pages
from tests.support.places import ROOT

_QUOTED = re.compile(r"`([^`\s]+)`")
_COMMENT = re.compile(r"#.*`.*$", re.MULTILINE)
_FILE = re.compile(r"(?:[a-z_0-9]+/)*[a-z_0-9]+\.py")
_CLASS = re.compile(r"(?:[a-z_]+\.)*([A-Z][a-z]\w*)(?:\.\w+)*")

ELSEWHERE = frozenset(
    "Accept Allow Authorization BadRequestError Dockerfile InternalServerError None Path TimeoutStopSec True".split()
)
"""Names of HTTP, litellm, systemd and Python."""

OF_PEOPLE = frozenset({"fetch.py", "run.py"})
"""Files that people write."""


def _prose_and_names(path: Path) -> tuple[list[str], set[str]]:
    """The docstrings and comments of a file, and every name that stands in its code."""
    text, names = path.read_text(), set[str]()
    prose = _COMMENT.findall(text)
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                prose.append(docstring)
            case ast.ClassDef(name=name) | ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                names.add(name)
    return prose, names


def _stale(quoted: str, files: str, names: set[str]) -> bool:
    if _FILE.fullmatch(quoted):
        return f"/{quoted}\n" not in files and quoted not in OF_PEOPLE
    kind = _CLASS.fullmatch(quoted)
    return kind is not None and kind[1] not in names | ELSEWHERE


def _sources() -> Iterator[Path]:
    return chain.from_iterable(ROOT.glob(f"{folder}/**/*.py") for folder in ("duragent", "docs", "tests"))


def test_what_is_named_in_backticks_is_there() -> None:
    files = "".join(f"{path}\n" for path in _sources())
    prose, names = dict[Path, list[str]](), set[str]()
    for path in (ROOT / "duragent").rglob("*.py"):
        prose[path], used = _prose_and_names(path)
        names |= used
    for page in pages():
        # A decision speaks of the day on which it was made.
        if page.parent.name != "decisions" and page.name != "CHANGELOG.md":
            prose[page] = [page.read_text()]
    quoted = {(path.name, name) for path, texts in prose.items() for text in texts for name in _QUOTED.findall(text)}
    assert sorted((path, name) for path, name in quoted if _stale(name, files, names)) == []

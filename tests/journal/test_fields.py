"""Each field of a public class of this room has a string under it that says what it is."""

import ast
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest

from duragent import journal

ROOM = Path(journal.__file__).parent
FILES = {path.relative_to(ROOM).as_posix(): path for path in sorted(ROOM.rglob("*.py"))}
BY_DEFINITION = {"type", "model_config"}
"""The name of an event on disk, and how pydantic is to treat a class."""


def _without_a_string(source: str) -> Iterator[str]:
    for kind in ast.walk(ast.parse(source)):
        if isinstance(kind, ast.ClassDef) and not kind.name.startswith("_"):
            for field, after in zip_longest(kind.body, kind.body[1:]):
                match field, after:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str())):
                        pass
                    case ast.AnnAssign(target=ast.Name(id=name)), _ if name not in BY_DEFINITION:
                        yield f"{kind.name}.{name}"


@pytest.mark.parametrize("name", FILES)
def test_every_field_says_what_it_is(name: str) -> None:
    assert list(_without_a_string(FILES[name].read_text())) == []


def test_a_field_without_a_string_is_noticed() -> None:
    source = """
class A:
    type: str
    one: int
    '''Said.'''
    two: int = 2
    three: int
class _Hidden:
    four: int
"""
    assert list(_without_a_string(source)) == ["A.two", "A.three"]

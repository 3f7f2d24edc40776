"""No file and no function is longer than it may be, and no class has more methods: see docs/decisions/0042."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import ROOT

FILE_LINES, FUNCTION_LINES, METHODS = 400, 70, 25

TOO_LONG: dict[str, int] = {
    "duragent/session/sessions.py: Sessions": 26,
}
"""Files and classes that are still above, and by how much they may be; this list only gets shorter."""


def _sizes(path: Path) -> Iterator[tuple[str, int, int]]:
    """Each thing with its size and what it may have."""
    text = path.read_text()
    name = str(path.relative_to(ROOT))
    yield name, text.count("\n"), FILE_LINES
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield f"{name}: {node.name}", (node.end_lineno or 0) - node.lineno + 1, FUNCTION_LINES
            case ast.ClassDef():
                methods = sum(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in node.body)
                yield f"{name}: {node.name}", methods, METHODS


def test_nothing_is_longer_than_it_may_be() -> None:
    sizes = [size for path in sorted((ROOT / "duragent").rglob("*.py")) for size in _sizes(path)]
    above = {name: size for name, size, most in sizes if size > max(most, TOO_LONG.get(name, 0))}
    assert above == {}

"""The rooms of the code and their files, as their docstrings describe them."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from markdown_text import code, page, table

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "duragent"

INTRODUCTION = """\
Every file of the code, room by room from the ground up, with the first paragraph of its docstring.
[Architecture](../architecture.md) says how the rooms fit together."""


def floors() -> list[str]:
    """The rooms, and the files that lie beside them, from the ground up; without `.py`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    names = [name.strip() for layer in reversed(layers) for name in layer.split("|")]
    return [name for name in names if not name.startswith("__")]


def summary(path: Path) -> str:
    """The first paragraph of a module's docstring, in one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def rooms_table() -> str:
    """What each room is; a room leads to the list of its files."""
    return table(("place", "what it is"), [_place(name) for name in floors()])


def _place(name: str) -> tuple[str, str]:
    if (PACKAGE / name).is_dir():
        return f"[`{name}/`](reference/modules.md#{name})", summary(PACKAGE / name / "__init__.py")
    return code(f"{name}.py"), summary(PACKAGE / f"{name}.py")


def modules_page() -> str:
    parts = [INTRODUCTION, table(("file", "what it is"), _top_files())]
    for name in floors():
        if (PACKAGE / name).is_dir():
            parts += [f"## {name}", summary(PACKAGE / name / "__init__.py")]
            parts.append(table(("file", "what it is"), _files_of(PACKAGE / name)))
    return page("Modules", *parts)


def _top_files() -> Iterator[tuple[str, str]]:
    for path in (PACKAGE / f"{name}.py" for name in floors()):
        if path.exists():
            yield code(path.name), summary(path)


def _files_of(room: Path) -> Iterator[tuple[str, str]]:
    """Files by their path in the room, each folder behind the files beside it, with what it is in front of its own."""
    for path in sorted(room.rglob("*.py"), key=lambda path: (path.parent.parts, path.name)):
        if path.name == "__init__.py" and path.parent == room:
            continue
        name = path.relative_to(room).as_posix()
        yield code(name.removesuffix("__init__.py")), summary(path)

"""Markdown for pages that are written from the code."""

from collections.abc import Iterable, Sequence

_GENERATED = "<!-- Written by docs/generate.py. Change the code, then run `python docs/generate.py`. -->"


def page(title: str, *parts: str) -> str:
    return "\n\n".join([_GENERATED, f"# {title}", *(part.strip("\n") for part in parts if part)]) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; "" when it has no rows."""
    body = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if body else ""


def code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


def sentences(text: str | None) -> str:
    """A docstring as Markdown: its own line ends go, its paragraphs stay."""
    paragraphs = (text or "").strip().split("\n\n")
    return "\n\n".join(" ".join(line.strip() for line in paragraph.splitlines()) for paragraph in paragraphs)

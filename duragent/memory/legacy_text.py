"""What `recall` without a query says: all that an agent remembers of some days, in the words of duragent-rust v0.5.

The law: the same bytes as v0.5 for the same files; comments of notes are left out.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from duragent.errors import InvalidFile
from duragent.memory.folder import MemoryFolder
from duragent.memory.notes import LONG_TERM, without_comments

NOTHING = "No memories found"
BETWEEN = "\n\n---\n\n"
MAX_DAYS = 366


def recall_text(own: MemoryFolder | None, world: MemoryFolder, today: date, days: int) -> str:
    """World knowledge, MEMORY.md, and the days from today back. `own` None leaves out what is the agent's."""
    sections = [
        _section("# World Knowledge", _topics(world)),
        _section("# Your Memory", _long_term(own) if own else ()),
        _section("# Recent Experiences", _days(own, today, days) if own else (), BETWEEN),
    ]
    return BETWEEN.join(section for section in sections if section) or NOTHING


def _section(title: str, parts: Sequence[str], between: str = "\n\n") -> str:
    return f"{title}\n\n{between.join(parts)}" if parts else ""


def _topics(world: MemoryFolder) -> list[str]:
    names, _ = world.files()
    stems = [name.removeprefix("world/").removesuffix(".md") for name in names]
    texts = ((stem, _text(world, f"world/{stem}.md")) for stem in stems)
    return [f"## {stem}\n\n{text}" for stem, text in texts if text]


def _long_term(own: MemoryFolder) -> list[str]:
    text = _text(own, LONG_TERM)
    return [text] if text else []


def _days(own: MemoryFolder, today: date, days: int) -> list[str]:
    count = max(min(days, MAX_DAYS), 0)
    texts = (_text(own, f"daily/{today - timedelta(days=back)}.md") for back in range(count))
    return [text for text in texts if text]


def _text(folder: MemoryFolder, file: str) -> str:
    try:
        return without_comments(folder.read(file).text).strip()
    except InvalidFile:
        # `doctor` tells what is wrong with it.
        return ""

"""What `recall` without a query says: all that an agent remembers of some days, in the words of duragent-rust v0.5.

The law: the same bytes as v0.5 for the same files; comments of notes are left out.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from duragent.errors import InvalidFile
from duragent.memory.folder import MemoryFolder
from duragent.memory.notes import LONG_TERM, without_comments

NOTHING = "No memories found"
BETWEEN = "\n\n---\n\n"
MAX_DAYS = 366


def recall_text(
    own: MemoryFolder | None,
    world: MemoryFolder,
    today: date,
    days: int,
    shows: Callable[[str], bool] = lambda file: True,
) -> str:
    """World knowledge, MEMORY.md, and the days from today back. `own` None leaves out what is the agent's.

    `shows` says whether a file may be shown.
    """
    sections = [
        _section("# World Knowledge", _topics(world, shows)),
        _section("# Your Memory", _texts(own, [LONG_TERM], shows) if own else ()),
        _section("# Recent Experiences", _texts(own, _days(today, days), shows) if own else (), BETWEEN),
    ]
    return BETWEEN.join(section for section in sections if section) or NOTHING


def _section(title: str, parts: Sequence[str], between: str = "\n\n") -> str:
    return f"{title}\n\n{between.join(parts)}" if parts else ""


def _topics(world: MemoryFolder, shows: Callable[[str], bool]) -> list[str]:
    names, _ = world.files()
    stems = [name.removeprefix("world/").removesuffix(".md") for name in names if shows(name)]
    texts = ((stem, _text(world, f"world/{stem}.md")) for stem in stems)
    return [f"## {stem}\n\n{text}" for stem, text in texts if text]


def _days(today: date, days: int) -> list[str]:
    return [f"daily/{today - timedelta(days=back)}.md" for back in range(max(min(days, MAX_DAYS), 0))]


def _texts(own: MemoryFolder, files: Sequence[str], shows: Callable[[str], bool]) -> list[str]:
    return [text for file in files if shows(file) and (text := _text(own, file))]


def _text(folder: MemoryFolder, file: str) -> str:
    try:
        return without_comments(folder.read(file).text).strip()
    except InvalidFile:
        # `doctor` tells what is wrong with it.
        return ""

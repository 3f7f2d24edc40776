"""Which files there are, and which of their lines fit a pattern: by ripgrep, or by `own_search` where it is not.

Both only point: nothing of a file's content comes from here. A caller that shows a line reads it through `paths`, which
checks the file again, so that a link that was put there meanwhile shows nothing.
"""

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from duragent.tools.base import Places
from duragent.tools.child import ChildLimits, Ended, run_child
from duragent.tools.files.paths import Spot, find, open_file, open_folder

_OWN = Path(__file__).with_name("own_search.py")
WALK_LIMITS = ChildLimits(seconds=30, output_bytes=4 << 20)
"""How long a search may take, and how much it may find."""

_MATCH = re.compile(rb"([^\0]+)\0(\d+):(\d+):[^\n]*\n")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for."""

    glob: str | None = None
    """Which files; None: all."""
    pattern: str | None = None
    """Which lines in them; None: the files themselves."""
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that fits."""

    path: str
    """Relative to the folder that was searched."""
    line: int
    """Counts from 1."""
    column: int
    """Where the match begins, in bytes from 1."""


@dataclass(frozen=True, slots=True)
class Walked:
    """What was found, in a stable order."""

    files: tuple[str, ...] = ()
    """Relative to the folder that was searched."""
    hits: tuple[Hit, ...] = ()
    """Lines, when a pattern was given."""
    limit: str = ""
    """Why there may be more; "" when there is not."""
    problem: str = ""
    """Why the search failed; "" when it did not."""


def place_to_search(written: str, places: Places) -> tuple[Spot, str | None]:
    """The folder to search, and the one file in it when the path is a file's. Raises PathRefused and OSError."""
    spot = find(written, places)
    if spot.real.is_dir():
        return spot, None
    # A search in a pipe would wait for ever.
    with open_file(spot):
        pass
    return find(str(spot.real.parent), places), spot.real.name


async def walk(
    spot: Spot, only: str | None, wanted: SearchQuery, ripgrep: str | None = None, limits: ChildLimits = WALK_LIMITS
) -> Walked:
    """What there is below the folder. `ripgrep` is the program to use; by default the one that is installed, if any.

    Raises PathRefused and OSError.
    """
    if {"\0", "\n"} & {*(wanted.glob or ""), *(wanted.pattern or "")}:
        return Walked(problem="pattern and glob must not hold NUL or line breaks; lines are searched one by one")
    program = shutil.which("rg") if ripgrep is None else ripgrep
    with _standing_in(spot) as folder:
        if program:
            ended = await run_child(_argv(program, only, wanted), folder, limits)
        else:
            ended = await run_child([sys.executable, "-I", _OWN], folder, limits, _request(only, wanted))
    # ripgrep: 1 is "nothing found", 2 is an error, which may be only one file that cannot be read.
    if ended.code == 2 and not ended.output:
        return Walked(problem=ended.errors or "the search failed")
    return _hits(ended) if wanted.pattern is not None else _files(ended)


@contextlib.contextmanager
def _standing_in(spot: Spot) -> Iterator[str]:
    """The folder's name, held by a descriptor where the system can do that: then no other folder can take its place."""
    with open_folder(spot) as descriptor:
        held = f"/proc/{os.getpid()}/fd/{descriptor}"
        yield held if os.path.isdir(held) else str(spot.real)


def _argv(program: str, only: str | None, wanted: SearchQuery) -> list[str]:
    globs = [f"--glob={wanted.glob}"] if wanted.glob else []
    shared = [program, "--no-config", "--no-require-git", "--no-messages", "--color=never", "--null", "--sort=path"]
    target = ["--", "./" if only is None else f"./{only}"]
    if wanted.pattern is None:
        return [*shared, *globs, "--files", *target]
    # The lines themselves are left out: with at most one column each is "omitted".
    form = ["--line-number", "--column", "--no-heading", "--with-filename", "--max-columns=1"]
    case = ["--ignore-case"] if wanted.ignore_case else []
    return [*shared, *globs, *form, *case, f"--regexp={wanted.pattern}", *target]


def _request(only: str | None, wanted: SearchQuery) -> bytes:
    return json.dumps(
        {"glob": wanted.glob, "pattern": wanted.pattern, "ignore_case": wanted.ignore_case, "only": only}
    ).encode()


def _files(ended: Ended) -> Walked:
    # What follows the last NUL was cut.
    names = ended.output.split(b"\0")[:-1]
    return Walked(files=tuple(_name(each) for each in names), limit=ended.limit)


def _hits(ended: Ended) -> Walked:
    hits = (Hit(_name(path), int(line), int(column)) for path, line, column in _MATCH.findall(ended.output))
    return Walked(hits=tuple(hits), limit=ended.limit)


def _name(path: bytes) -> str:
    return os.fsdecode(path.removeprefix(b"./"))

"""The tool `search_files`."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import BinaryIO

from pydantic import Field

from duragent.text import part_around
from duragent.tools.base import Places, Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.child import ChildLimits
from duragent.tools.files.paths import PathRefused, Spot, judge, open_file
from duragent.tools.files.text import encoding_of, lines
from duragent.tools.files.walk import WALK_LIMITS, Hit, SearchQuery, Walked, place_to_search, walk
from duragent.tools.threads import Stop, in_thread, or_path_fault

MAX_LINE_CHARS = 300
_READ_LINE_CHARS = 100_000
MAX_RESULT_CHARS = 100_000


class SearchFiles(Tool["SearchFiles.Arguments"]):
    """Search files for a regular expression, line by line (no lookaround, no backreferences).

    Answers with the file, then `12: text` for a line that fits and `13- text` for one around it. Hidden files and those
    that .gitignore names are left out, unless path is that file.
    """

    name = "search_files"
    effect = "pure"
    runs_unasked = True
    main = "pattern"

    class Arguments(ToolArguments):
        pattern: str = Field(min_length=1, max_length=2000, description="The regular expression.")
        path: str = Field(default=".", min_length=1, description="A folder or a file.")
        glob: str | None = Field(default=None, min_length=1, description="Only in files that fit: `*.py`.")
        ignore_case: bool = Field(default=False, description="Whether letter case does not matter.")
        context: int = Field(default=0, ge=0, le=20, description="How many lines to show around each.")
        max_results: int = Field(default=100, ge=1, le=1000, description="How many lines that fit at most.")

    def __init__(self, limits: ChildLimits = WALK_LIMITS) -> None:
        self._limits = limits

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return await or_path_fault(arguments.path, _search(arguments, context.places, self._limits))


async def _search(arguments: SearchFiles.Arguments, places: Places, limits: ChildLimits) -> ToolResult:
    spot, only = await asyncio.to_thread(place_to_search, arguments.path, places)
    query = SearchQuery(arguments.glob, arguments.pattern, arguments.ignore_case)
    walked = await walk(spot, only, query, limits=limits)
    if walked.problem:
        return failed(walked.problem)
    return await in_thread(arguments.path, lambda stop: _shown(spot, walked, arguments, stop))


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    text: str
    fits: bool


def _shown(spot: Spot, walked: Walked, arguments: SearchFiles.Arguments, stop: Stop) -> ToolResult:
    out: list[str] = []
    count = size = 0
    cut = walked.limit
    for path, group in groupby(walked.hits, key=lambda hit: hit.path):
        if stop.is_set() or count >= arguments.max_results or size > MAX_RESULT_CHARS:
            cut = cut or "too many"
            break
        hits = list(group)
        taken = hits[: arguments.max_results - count]
        cut = cut or ("too many" if len(taken) < len(hits) else "")
        shown, rows = _rows(spot, path, taken, arguments.context)
        if rows:
            out += [shown, *_formed(rows), ""]
            count += len(taken)
            size += sum(len(row.text) for row in rows)
    details = {"count": count, "more": bool(cut)}
    if not count:
        return ToolResult(f"nothing fits{f' ({cut})' if cut else ''}", details=details)
    # The last one is the blank line behind a file.
    out.pop()
    if cut:
        out.append(f"[{count} lines; there may be more ({cut}): narrow the pattern, the path or the glob]")
    return ToolResult("\n".join(out), details=details)


def _rows(spot: Spot, path: str, hits: Sequence[Hit], around: int) -> tuple[str, list[_Row]]:
    """The file's name and its lines; none when it cannot be read any more or is closed."""
    try:
        # The path was found without following links; if one is there now, opening it fails.
        file_spot = judge(spot.real / path, spot.places)
        with open_file(file_spot) as file:
            return file_spot.shown, _read_rows(file, {hit.line: hit.column for hit in hits}, around)
    except (PathRefused, OSError):
        return "", []


def _read_rows(file: BinaryIO, columns: Mapping[int, int], around: int) -> list[_Row]:
    """`columns` says of each line that fits where it does."""
    encoding = encoding_of(file)
    if encoding is None:
        return []
    wanted = {number for line in columns for number in range(line - around, line + around + 1)}
    numbered = enumerate(islice(lines(file, encoding, _READ_LINE_CHARS), max(wanted)), 1)
    return [
        _Row(number, _window(text, columns.get(number, 1)), number in columns)
        for number, (text, _) in numbered
        if number in wanted
    ]


def _window(text: str, column: int) -> str:
    """A line, or of a long one the part around what fits."""
    at = len(text.encode()[: column - 1].decode("utf-8", "ignore"))
    return part_around(text, at, MAX_LINE_CHARS)


def _formed(rows: Sequence[_Row]) -> Iterator[str]:
    previous = None
    for row in rows:
        if previous is not None and row.number > previous + 1 and any(not each.fits for each in rows):
            yield "--"
        yield f"{row.number}{':' if row.fits else '-'} {row.text}"
        previous = row.number

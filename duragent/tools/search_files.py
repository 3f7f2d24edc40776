"""The tool `search_files`."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from pydantic import Field

from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.paths import PathRefused, Spot, judge, open_file
from duragent.tools.text_file import encoding_of, lines
from duragent.tools.threads import Stop, in_thread, os_problem
from duragent.tools.walk import Hit, Walked, Wanted, place_to_search, walk

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
    main = "pattern"

    class Arguments(ToolArguments):
        pattern: str = Field(min_length=1, max_length=2000, description="The regular expression.")
        path: str = Field(default=".", min_length=1, description="A folder or a file.")
        glob: str | None = Field(default=None, min_length=1, description="Only in files that fit: `*.py`.")
        ignore_case: bool = Field(default=False, description="Whether letter case does not matter.")
        context: int = Field(default=0, ge=0, le=20, description="How many lines to show around each.")
        max_results: int = Field(default=100, ge=1, le=1000, description="How many lines that fit at most.")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        wanted = Wanted(arguments.glob, arguments.pattern, arguments.ignore_case)
        try:
            spot, only = await asyncio.to_thread(place_to_search, arguments.path, context.places)
            walked = await walk(spot, only, wanted)
        except PathRefused as error:
            return failed(str(error))
        except OSError as error:
            return failed(os_problem(arguments.path, error))
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
    notice = (
        [f"[{count} lines; there may be more ({cut}): narrow the pattern, the path or the glob]"] if cut else out[:0]
    )
    return ToolResult("\n".join([*out[:-1], *notice]), details=details)


def _rows(spot: Spot, path: str, hits: Sequence[Hit], around: int) -> tuple[str, list[_Row]]:
    """The file's name and its lines; none when it cannot be read any more or is closed."""
    columns = {hit.line: hit.column for hit in hits}
    wanted = {number for line in columns for number in range(line - around, line + around + 1)}
    try:
        # The path was found without following links; if one is there now, opening it fails.
        file_spot = judge(spot.real / path, spot.places)
        with open_file(file_spot) as file:
            encoding = encoding_of(file)
            if encoding is None:
                return file_spot.shown, []
            last = max(wanted)
            found = []
            for number, (text, _) in enumerate(lines(file, encoding, _READ_LINE_CHARS), 1):
                if number in wanted:
                    found.append(_Row(number, _window(text, columns.get(number, 1)), number in columns))
                if number >= last:
                    break
            return file_spot.shown, found
    except (PathRefused, OSError):
        return "", []


def _window(text: str, column: int) -> str:
    """A line, or of a long one the part around what fits."""
    if len(text) <= MAX_LINE_CHARS:
        return text
    at = len(text.encode()[: column - 1].decode("utf-8", "ignore"))
    start = max(min(at - MAX_LINE_CHARS // 3, len(text) - MAX_LINE_CHARS), 0)
    end = start + MAX_LINE_CHARS
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def _formed(rows: Sequence[_Row]) -> Iterator[str]:
    previous = None
    for row in rows:
        if previous is not None and row.number > previous + 1 and any(not each.fits for each in rows):
            yield "--"
        yield f"{row.number}{':' if row.fits else '-'} {row.text}"
        previous = row.number

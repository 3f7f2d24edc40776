"""The tool `list_files`."""

import asyncio
import heapq
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field

from duragent.tools.base import Places, Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.files.paths import Spot, find, is_closed, one_line, open_folder
from duragent.tools.files.walk import SearchQuery, Walked, place_to_search, walk
from duragent.tools.threads import Stop, in_thread, or_path_fault


class ListFiles(Tool["ListFiles.Arguments"]):
    """List what is in a folder, one name a line: `name/` is a folder, else a tab and the size in bytes follow.

    With recursive or a glob: all files below, without hidden ones and those that .gitignore names.
    """

    name = "list_files"
    effect = "pure"
    runs_unasked = True
    main = "path"

    class Arguments(ToolArguments):
        path: str = Field(default=".", min_length=1, description="The folder.")
        glob: str | None = Field(
            default=None, min_length=1, description="Only files that fit, here and below: `*.py`, `src/**/*.ts`."
        )
        recursive: bool = Field(default=False, description="Also all that is in folders below.")
        limit: int = Field(default=500, ge=1, le=5000, description="How many at most.")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        places = context.places
        if arguments.glob is None and not arguments.recursive:
            return await in_thread(arguments.path, lambda stop: _list(arguments, places, stop))
        return await or_path_fault(arguments.path, _list_below(arguments, places))


async def _list_below(arguments: ListFiles.Arguments, places: Places) -> ToolResult:
    spot, only = await asyncio.to_thread(place_to_search, arguments.path, places)
    if only is not None:
        return failed(f"{spot.shown}/{only} is a file, not a folder")
    walked = await walk(spot, None, SearchQuery(arguments.glob))
    if walked.problem:
        return failed(walked.problem)
    return await in_thread(arguments.path, lambda _: _list_walked(spot, walked, arguments.limit))


@dataclass(frozen=True, slots=True)
class _Listing:
    rows: Sequence[str]
    more: str = ""


def _list(arguments: ListFiles.Arguments, places: Places, stop: Stop) -> ToolResult:
    spot = find(arguments.path, places)
    with open_folder(spot) as passed:
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=passed)
        try:
            # Only so many names are kept, however many there are.
            names = heapq.nsmallest(arguments.limit + 1, _names(descriptor, spot, stop))
            rows = [_row(name, name, descriptor) for name in names[: arguments.limit]]
        finally:
            os.close(descriptor)
    return _shown(spot, _Listing(rows, f"[more than {arguments.limit}]" if len(names) > arguments.limit else ""))


def _names(descriptor: int, spot: Spot, stop: Stop) -> Iterator[str]:
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if stop.is_set():
                return
            if not is_closed(spot.real / entry.name, spot.places):
                yield entry.name


def _row(name: str, shown: str, descriptor: int) -> str:
    try:
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except OSError:
        return one_line(shown)
    if stat.S_ISDIR(found.st_mode):
        return f"{one_line(shown)}/"
    size = f"{found.st_size}" if stat.S_ISREG(found.st_mode) else "link" if stat.S_ISLNK(found.st_mode) else "special"
    return f"{one_line(shown)}\t{size}"


def _list_walked(spot: Spot, walked: Walked, limit: int) -> ToolResult:
    names = [name for name in walked.files if not is_closed(spot.real / name, spot.places)]
    prefix = "" if spot.shown == "." else f"{spot.shown}/"
    with open_folder(spot) as descriptor:
        rows = [_row(name, f"{prefix}{name}", descriptor) for name in names[:limit]]
    more = f"[{limit} of {len(names)} files; name a folder or a glob]" if len(names) > limit else ""
    if walked.limit:
        more = f"[not all: {walked.limit}; name a folder or a glob]"
    return _shown(spot, _Listing(rows, more))


def _shown(spot: Spot, listing: _Listing) -> ToolResult:
    details = {"path": spot.shown, "count": len(listing.rows), "more": bool(listing.more)}
    if not listing.rows:
        return ToolResult(listing.more or f"{spot.shown}: nothing there.", details=details)
    return ToolResult("\n".join([*listing.rows, *([listing.more] if listing.more else [])]), details=details)

"""The tool `read_file`."""

import os
from dataclasses import dataclass, field

from pydantic import Field

from duragent.tools.base import Places, Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.files.paths import Spot, find, open_file
from duragent.tools.files.text import encoding_of, lines
from duragent.tools.threads import Stop, in_thread

MAX_RESULT_BYTES = 256 * 1024
MAX_LINE_CHARS = 2000
_COUNTED_BYTES = 64 << 20
"""Of longer files the lines behind the shown ones are not counted."""


class ReadFile(Tool["ReadFile.Arguments"]):
    """Read a text file. Each line comes as `number→text`; number and arrow are not part of the file.

    At most 2000 lines or 256 KB at a time; a notice at the end tells the offset to go on with. Paths are relative to
    the working directory; `~` is not expanded.
    """

    name = "read_file"
    effect = "pure"
    runs_unasked = True
    main = "path"

    class Arguments(ToolArguments):
        path: str = Field(min_length=1, description="The file.")
        offset: int = Field(default=1, ge=1, description="The first line, from 1.")
        limit: int = Field(default=2000, ge=1, le=2000, description="How many lines.")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return await in_thread(arguments.path, lambda stop: _read(arguments, context.places, stop))


@dataclass
class _Page:
    """The lines that are shown, and what was seen of the others."""

    shown: list[str] = field(default_factory=list)
    size_bytes: int = 0
    seen: int = 0
    full: bool = False

    def add(self, text: str, length: int) -> None:
        cut = f" … [line cut: {length:,} characters in all]" if length > len(text) else ""
        line = f"{self.seen:>6}→{text}{cut}"
        size = len(line.encode()) + 1
        if self.size_bytes + size > MAX_RESULT_BYTES:
            self.full = True
        else:
            self.shown.append(line)
            self.size_bytes += size


def _read(arguments: ReadFile.Arguments, places: Places, stop: Stop) -> ToolResult:
    spot = find(arguments.path, places)
    with open_file(spot) as file:
        size = os.fstat(file.fileno()).st_size
        encoding = encoding_of(file)
        if encoding is None:
            return ToolResult(f"{spot.shown} is a binary file of {size:,} bytes; it is not shown.", details=_of(spot))
        page, last = _Page(), arguments.offset + arguments.limit - 1
        for text, length in lines(file, encoding, MAX_LINE_CHARS):
            page.seen += 1
            if arguments.offset <= page.seen <= last and not page.full:
                page.add(text, length)
            elif page.seen > last and size > _COUNTED_BYTES:
                return _result(spot, arguments.offset, page, counted=False)
            if stop.is_set():
                return failed("stopped")
    return _result(spot, arguments.offset, page, counted=True)


def _of(spot: Spot) -> dict[str, object]:
    return {"path": str(spot.shown)}


def _result(spot: Spot, offset: int, page: _Page, *, counted: bool) -> ToolResult:
    if page.seen == 0:
        return ToolResult(f"{spot.shown} is empty.", details=_of(spot))
    if not page.shown:
        return failed(f"{spot.shown} has {page.seen} lines; there is no line {offset}.")
    last = offset + len(page.shown) - 1
    details = {**_of(spot), "first_line": offset, "last_line": last}
    if counted and last == page.seen:
        return ToolResult("\n".join(page.shown), details=details)
    total = f" of {page.seen}" if counted else ""
    notice = f"[lines {offset} to {last}{total}; go on with offset={last + 1}]"
    return ToolResult("\n".join([*page.shown, notice]), details=details)

"""The tool `read_file`."""

import io
import os
from dataclasses import dataclass, field
from typing import BinaryIO

from pydantic import Field

from duragent.file_types import ATTACHMENT_MAX_BYTES, IMAGES, PDF, media_type_of
from duragent.tools.base import (
    NoSessions,
    Places,
    ResultFile,
    SessionsPort,
    Tool,
    ToolArguments,
    ToolContext,
    ToolResult,
    failed,
)
from duragent.tools.files.paths import find, one_line, open_file
from duragent.tools.files.text import encoding_of, lines
from duragent.tools.threads import Stop, in_thread

MAX_RESULT_BYTES = 256 * 1024
MAX_LINE_CHARS = 2000
_COUNTED_BYTES = 64 << 20
"""Of longer files the lines behind the shown ones are not counted."""
_MARK_BYTES = 64
"""In which an image or a PDF says that it is one."""

GIVEN = IMAGES | {PDF}
"""Types of files that are given to the model as such."""
ATTACHED = "attachment:"
"""Begins the path of a file that came with a message or a result. `./attachment:…` is a file of the folder."""


class ReadFile(Tool["ReadFile.Arguments"]):
    """Read a text file. Each line comes as `number→text`; number and arrow are not part of the file.

    At most 2000 lines or 256 KB at a time; a notice at the end tells the offset to go on with. Paths are relative to
    the working directory; `~` is not expanded. An image or a PDF comes as such, if you can see it. `attachment:NAME`
    is a file that came with a message.
    """

    name = "read_file"
    effect = "pure"
    runs_unasked = True
    main = "path"

    class Arguments(ToolArguments):
        path: str = Field(min_length=1, description="The file.")
        offset: int = Field(default=1, ge=1, description="The first line, from 1.")
        limit: int = Field(default=2000, ge=1, le=2000, description="How many lines.")

    def __init__(self, sessions: SessionsPort | None = None) -> None:
        self._sessions = sessions or NoSessions()

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        if not arguments.path.startswith(ATTACHED):
            return await in_thread(arguments.path, lambda stop: _read(arguments, context.places, stop))
        file = await self._sessions.attached(arguments.path.removeprefix(ATTACHED))
        if file is None:
            return failed(f"No file of this name came with a message: {one_line(arguments.path)}")
        shown = ATTACHED + one_line(file.name)
        return await in_thread(shown, lambda stop: _shown(io.BytesIO(file.content), file.name, shown, arguments, stop))


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
        return _shown(file, spot.real.name, spot.shown, arguments, stop)


def _shown(file: BinaryIO, name: str, shown: str, arguments: ReadFile.Arguments, stop: Stop) -> ToolResult:
    """What the model gets of an open file; `shown` is its path for the model."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    media_type = media_type_of(file.read(_MARK_BYTES))
    file.seek(0)
    if media_type in GIVEN:
        return _given(file, one_line(name), shown, media_type)
    encoding = encoding_of(file)
    if encoding is None:
        return ToolResult(f"{shown} is a binary file of {size:,} bytes; it is not shown.", details=_of(shown))
    page, last = _Page(), arguments.offset + arguments.limit - 1
    for text, length in lines(file, encoding, MAX_LINE_CHARS):
        page.seen += 1
        if arguments.offset <= page.seen <= last and not page.full:
            page.add(text, length)
        elif page.seen > last and size > _COUNTED_BYTES:
            return _result(shown, arguments.offset, page, counted=False)
        if stop.is_set():
            return failed("stopped")
    return _result(shown, arguments.offset, page, counted=True)


def _given(file: BinaryIO, name: str, shown: str, media_type: str) -> ToolResult:
    """The file itself, for a model that takes its type."""
    content = file.read(ATTACHMENT_MAX_BYTES + 1)
    what = f"{shown} is {'a PDF' if media_type == PDF else f'an image ({media_type})'}"
    if len(content) > ATTACHMENT_MAX_BYTES:
        return failed(f"{what} of more than {ATTACHMENT_MAX_BYTES:,} bytes: too large to be shown.", **_of(shown))
    details = {**_of(shown), "media_type": media_type, "size_bytes": len(content)}
    files = (ResultFile(name, content),)
    return ToolResult(f"{what} of {len(content):,} bytes.", details=details, files=files)


def _of(shown: str) -> dict[str, object]:
    return {"path": shown}


def _result(shown: str, offset: int, page: _Page, *, counted: bool) -> ToolResult:
    if page.seen == 0:
        return ToolResult(f"{shown} is empty.", details=_of(shown))
    if not page.shown:
        return failed(f"{shown} has {page.seen} lines; there is no line {offset}.")
    last = offset + len(page.shown) - 1
    details = {**_of(shown), "first_line": offset, "last_line": last}
    if counted and last == page.seen:
        return ToolResult("\n".join(page.shown), details=details)
    total = f" of {page.seen}" if counted else ""
    notice = f"[lines {offset} to {last}{total}; go on with offset={last + 1}]"
    return ToolResult("\n".join([*page.shown, notice]), details=details)

"""The tool `edit_file`."""

import os

from pydantic import Field

from duragent.journal.events import EffectClass
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.files.diff import unified
from duragent.tools.files.edit import Change, NotEdited, edit
from duragent.tools.files.paths import Spot, find, open_file, replace_file
from duragent.tools.files.text import encoding_of
from duragent.tools.threads import in_thread

MAX_FILE_BYTES = 10 << 20


class EditFile(Tool["EditFile.Arguments"]):
    """Replace a text in a file. old_text must be exactly as in the file, blanks included, without line numbers.

    It must be there exactly once, unless replace_all is set: give enough lines around it. Answers with a diff.
    """

    name = "edit_file"
    main = "path"

    class Arguments(ToolArguments):
        path: str = Field(min_length=1, description="The file, below the working directory.")
        old_text: str = Field(min_length=1, description="What is there now.")
        new_text: str = Field(description="What shall be there instead; empty deletes.")
        replace_all: bool = Field(default=False, description="Replace it wherever it is.")

    def effect_of(self, arguments: Arguments) -> EffectClass:
        return "idempotent" if Change(arguments.old_text, arguments.new_text).settles else "unsafe"

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return await in_thread(arguments.path, lambda _: _edit(arguments, context))


def _edit(arguments: EditFile.Arguments, context: ToolContext) -> ToolResult:
    spot = find(arguments.path, context.places, writing=True)
    read = _read(spot)
    if isinstance(read, ToolResult):
        return read
    content, seen = read
    # Bytes that are no UTF-8 go through unchanged.
    text = content.decode("utf-8", "surrogateescape")
    edited = edit(text, Change(arguments.old_text, arguments.new_text, arguments.replace_all))
    if isinstance(edited, NotEdited):
        return _unmade(spot, edited, context.call.attempt)
    replace_file(spot, edited.text.encode("utf-8", "surrogateescape"), seen)
    diff = unified(_clean(text), _clean(edited.text), spot.shown)
    times = "" if edited.count == 1 else f" at {edited.count} places"
    return ToolResult(
        f"Edited {spot.shown}{times}:\n{diff}", details={"path": spot.shown, "count": edited.count, "diff": diff}
    )


def _unmade(spot: Spot, why: NotEdited, attempt: int) -> ToolResult:
    if why.done_before and attempt > 1:
        return ToolResult(f"Edited {spot.shown}: new_text is in its place.", details={"path": spot.shown})
    return failed(f"{spot.shown}: {why.why}", path=spot.shown)


def _read(spot: Spot) -> tuple[bytes, os.stat_result] | ToolResult:
    with open_file(spot) as file:
        seen = os.fstat(file.fileno())
        if seen.st_size > MAX_FILE_BYTES:
            return failed(f"{spot.shown} has {seen.st_size:,} bytes; edit_file takes at most {MAX_FILE_BYTES:,}")
        if encoding_of(file) not in ("utf-8", "utf-8-sig"):
            return failed(f"{spot.shown} is not a UTF-8 text file")
        return file.read(MAX_FILE_BYTES + 1), seen


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

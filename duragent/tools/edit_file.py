"""The tool `edit_file`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from duragent.journal.events import AllowanceOffer, EffectClass
from duragent.policy.breadths import of_files
from duragent.tools.base import Places, PlannedChange, Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.files.diff import unified
from duragent.tools.files.edit import Change, Edited, NotEdited, edit
from duragent.tools.files.found import FoundFile, kept_name, must_be_kept
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

    def wider(self, arguments: Arguments) -> Sequence[AllowanceOffer]:
        return of_files(arguments.path)

    def planned(self, arguments: Arguments, places: Places) -> Sequence[PlannedChange]:
        made = _made(arguments, places)
        if not isinstance(made, _Edit):
            return ()
        return (PlannedChange(kept_name(made.spot), made.found.content, made.content, made.found.mode),)

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return await in_thread(arguments.path, lambda _: _edit(arguments, context))


@dataclass(frozen=True, slots=True)
class _Edit:
    """An edit that is made, but not written yet."""

    spot: Spot
    found: FoundFile
    old: str
    edited: Edited

    @property
    def content(self) -> bytes:
        return self.edited.text.encode("utf-8", "surrogateescape")


def _edit(arguments: EditFile.Arguments, context: ToolContext) -> ToolResult:
    made = _made(arguments, context.places)
    if isinstance(made, ToolResult):
        return made
    if isinstance(made, _Unmade):
        return _unmade(made, context.call.attempt)
    spot, edited = made.spot, made.edited
    must_be_kept(spot, made.found, context.kept)
    replace_file(spot, made.content, made.found.seen)
    diff = unified(_clean(made.old), _clean(edited.text), spot.shown)
    times = "" if edited.count == 1 else f" at {edited.count} places"
    return ToolResult(
        f"Edited {spot.shown}{times}:\n{diff}", details={"path": spot.shown, "count": edited.count, "diff": diff}
    )


@dataclass(frozen=True, slots=True)
class _Unmade:
    spot: Spot
    why: NotEdited


def _unmade(unmade: _Unmade, attempt: int) -> ToolResult:
    spot, why = unmade.spot, unmade.why
    if why.done_before and attempt > 1:
        return ToolResult(f"Edited {spot.shown}: new_text is in its place.", details={"path": spot.shown})
    return failed(f"{spot.shown}: {why.why}", path=spot.shown)


def _made(arguments: EditFile.Arguments, places: Places) -> _Edit | _Unmade | ToolResult:
    """The edit, of the file as it is now. Raises PathRefused and OSErrors."""
    spot = find(arguments.path, places, writing=True)
    with open_file(spot) as file:
        seen = os.fstat(file.fileno())
        if seen.st_size > MAX_FILE_BYTES:
            return failed(f"{spot.shown} has {seen.st_size:,} bytes; edit_file takes at most {MAX_FILE_BYTES:,}")
        if encoding_of(file) not in ("utf-8", "utf-8-sig"):
            return failed(f"{spot.shown} is not a UTF-8 text file")
        content = file.read(MAX_FILE_BYTES + 1)
    # Bytes that are no UTF-8 go through unchanged.
    text = content.decode("utf-8", "surrogateescape")
    edited = edit(text, Change(arguments.old_text, arguments.new_text, arguments.replace_all))
    if isinstance(edited, NotEdited):
        return _Unmade(spot, edited)
    return _Edit(spot, FoundFile(content, seen), text, edited)


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

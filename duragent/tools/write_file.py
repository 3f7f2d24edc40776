"""The tool `write_file`."""

import io
from collections.abc import Sequence

from pydantic import Field

from duragent.journal.events import AllowanceOffer
from duragent.policy.breadths import of_files
from duragent.tools.base import Places, PlannedChange, Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.files.diff import unified
from duragent.tools.files.found import found_at, kept_name, must_be_kept
from duragent.tools.files.paths import find, replace_file
from duragent.tools.files.text import encoding_of
from duragent.tools.threads import in_thread

_COMPARED_BYTES = 4 << 20


class WriteFile(Tool["WriteFile.Arguments"]):
    """Write a whole text file, new or over an old one; missing folders are made. To change a part, use edit_file."""

    name = "write_file"
    effect = "idempotent"
    main = "path"

    class Arguments(ToolArguments):
        path: str = Field(min_length=1, description="The file, below the working directory.")
        content: str = Field(description="All of its new text.")

    def wider(self, arguments: Arguments) -> Sequence[AllowanceOffer]:
        return of_files(arguments.path)

    def planned(self, arguments: Arguments, places: Places) -> Sequence[PlannedChange]:
        spot = find(arguments.path, places, writing=True)
        found, content = found_at(spot), arguments.content.encode()
        same = found.seen is not None and found.content == content
        return () if same else (PlannedChange(kept_name(spot), found.content, content, found.mode),)

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return await in_thread(arguments.path, lambda _: _write(arguments, context))


def _write(arguments: WriteFile.Arguments, context: ToolContext) -> ToolResult:
    content = arguments.content.encode()
    spot = find(arguments.path, context.places, writing=True)
    found = found_at(spot)
    details = {"path": spot.shown, "size_bytes": len(content)}
    if found.content == content:
        return ToolResult(f"{spot.shown} has exactly this content already ({len(content):,} bytes).", details=details)
    must_be_kept(spot, found, context.kept)
    replace_file(spot, content, found.seen)
    if found.seen is None:
        return ToolResult(f"Created {spot.shown} ({len(content):,} bytes).", details={**details, "created": True})
    diff = {"diff": _diff(found.content, arguments.content, spot.shown)} if _is_text(found.content) else {}
    return ToolResult(
        f"Overwrote {spot.shown} ({len(content):,} bytes).", details={**details, "created": False, **diff}
    )


def _is_text(content: bytes | None) -> bool:
    """Whether it is worth comparing."""
    return content is not None and len(content) <= _COMPARED_BYTES and encoding_of(io.BytesIO(content)) is not None


def _diff(old: bytes | None, new: str, name: str) -> str:
    return unified((old or b"").decode("utf-8", "replace"), new, name)

"""The tool `write_file`."""

import os

from pydantic import Field

from duragent.tools.base import Places, Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.files.diff import unified
from duragent.tools.files.paths import Spot, find, open_file, replace_file
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

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return await in_thread(arguments.path, lambda _: _write(arguments, context.places))


def _write(arguments: WriteFile.Arguments, places: Places) -> ToolResult:
    content = arguments.content.encode()
    spot = find(arguments.path, places, writing=True)
    old = _old(spot)
    details = {"path": spot.shown, "size_bytes": len(content)}
    if old == content:
        return ToolResult(f"{spot.shown} has exactly this content already ({len(content):,} bytes).", details=details)
    replace_file(spot, content)
    if old is None:
        return ToolResult(f"Created {spot.shown} ({len(content):,} bytes).", details={**details, "created": True})
    diff = {} if isinstance(old, _Opaque) else {"diff": _diff(old, arguments.content, spot.shown)}
    return ToolResult(
        f"Overwrote {spot.shown} ({len(content):,} bytes).", details={**details, "created": False, **diff}
    )


class _Opaque:
    """A file whose old content is not worth comparing, or cannot be read."""


def _old(spot: Spot) -> bytes | _Opaque | None:
    """What is there; None when nothing is."""
    try:
        with open_file(spot) as file:
            if os.fstat(file.fileno()).st_size > _COMPARED_BYTES or encoding_of(file) is None:
                return _Opaque()
            return file.read(_COMPARED_BYTES)
    except FileNotFoundError:
        return None
    except PermissionError:
        # What may not be read may still be replaced; if not, writing says so.
        return _Opaque()


def _diff(old: bytes, new: str, name: str) -> str:
    return unified(old.decode("utf-8", "replace"), new, name)

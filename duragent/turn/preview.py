"""What a call would change in files, as a diff that people decide by: `approval_requested.preview`."""

import asyncio
import io
from collections.abc import Sequence

from duragent.text import without_surrogates
from duragent.tools.base import Places, PlannedChange
from duragent.tools.files.diff import unified
from duragent.tools.files.text import encoding_of
from duragent.turn.authorize import ResolvedCall
from duragent.turn.checkpoint import planned

MAX_CHARS = 256 << 10
COMPARED_BYTES = 4 << 20


async def preview_of(resolved: ResolvedCall, places: Places) -> str:
    """A unified diff of all that the call would change, no line of it cut; "" where its tool cannot say, or a file is
    none that can be compared. What is longer than `MAX_CHARS` ends with a line that begins with `…`.
    """
    changes = await planned(resolved, places)
    return await asyncio.to_thread(preview, changes) if changes else ""


def preview(changes: Sequence[PlannedChange]) -> str:
    """The same of changes that are known."""
    rows: list[str] = []
    for change in changes:
        texts = _text(b"" if change.mode is None else change.old), _text(change.new)
        if texts[0] is None or texts[1] is None:
            return ""
        diff = unified(texts[0], texts[1], change.path, whole=True)
        rows += [*([f"@@ {change.path} @@"] if len(changes) > 1 else []), *(diff.split("\n") if diff else [])]
    return without_surrogates("\n".join(_bounded(rows)))


def _text(content: bytes | None) -> str | None:
    if content is None or len(content) > COMPARED_BYTES:
        return None
    return content.decode("utf-8", "replace") if encoding_of(io.BytesIO(content)) in ("utf-8", "utf-8-sig") else None


def _bounded(rows: list[str]) -> list[str]:
    room = MAX_CHARS
    for at, row in enumerate(rows):
        room -= len(row) + 1
        if room < 0:
            return [*rows[:at], f"… {len(rows) - at:,} more lines of diff"]
    return rows

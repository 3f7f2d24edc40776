"""The tool `read_output`: pages through the whole output of a call whose result was cut."""

import asyncio

from pydantic import Field

from duragent.journal.events import EffectClass
from duragent.text import part_around
from duragent.tools.base import NoSessions, SessionsPort, Tool, ToolArguments, ToolContext, ToolResult, failed

PAGE_BYTES = 16 * 1024
MAX_PAGE_BYTES = 32 * 1024
MAX_LINE_CHARS = 500


class ReadOutput(Tool["ReadOutput.Arguments"]):
    """Read more of an output that was too long to be shown, by its call id; or find the lines with a text in it."""

    name = "read_output"
    effect: EffectClass = "pure"
    runs_unasked = True
    main = "call"

    class Arguments(ToolArguments):
        call: str = Field(min_length=1, description="The call, as the notice in its result names it.")
        offset: int = Field(default=0, ge=0, description="The byte to begin at.")
        limit: int = Field(default=PAGE_BYTES, ge=1, le=MAX_PAGE_BYTES, description="How many bytes at most.")
        pattern: str | None = Field(
            default=None,
            min_length=1,
            max_length=1000,
            description="Show only lines with this text in them, in upper or lower case, each with its line number.",
        )

    def __init__(self, sessions: SessionsPort | None = None) -> None:
        self._sessions = sessions or NoSessions()

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        output = await self._sessions.output(arguments.call)
        if output is None:
            return failed(f"No output of a call '{arguments.call}' is kept: only what was too long to be shown is.")
        if arguments.offset and arguments.offset >= len(output):
            return failed(f"The output has {len(output):,} bytes; there is nothing at {arguments.offset:,}.")
        if arguments.pattern is None:
            return page(output, arguments.offset, arguments.limit)
        return await asyncio.to_thread(matches, output, arguments)


def page(output: bytes, offset: int, limit: int) -> ToolResult:
    """The bytes from `offset`, moved to the borders of characters, with a line that says where they are."""
    start = _border(output, offset)
    end = _border(output, min(start + limit, len(output)))
    if end <= start:
        # The limit is smaller than one character.
        end = _border(output, start + 4, back=False)
    text = output[start:end].decode(errors="replace")
    more = f"next offset {end}" if end < len(output) else "this is the end"
    between = "" if not text or text.endswith("\n") else "\n"
    return ToolResult(
        f"{text}{between}[bytes {start} to {end} of {len(output)}; {more}]",
        details={"from": start, "to": end, "size_bytes": len(output)},
    )


def matches(output: bytes, arguments: ReadOutput.Arguments) -> ToolResult:
    """The lines from `offset` that have the pattern in them, up to `limit` bytes of them."""
    assert arguments.pattern is not None
    wanted = arguments.pattern.casefold()
    shown: list[str] = []
    at, used, more = 0, 0, None
    for number, line in enumerate(output.splitlines(keepends=True), 1):
        start, at = at, at + len(line)
        if at <= arguments.offset:
            continue
        text = line.decode(errors="replace").rstrip("\r\n")
        if (found := text.casefold().find(wanted)) < 0:
            continue
        said = f"{number} (byte {start}): {part_around(text, found, MAX_LINE_CHARS)}"
        used += len(said.encode()) + 1
        if shown and used > arguments.limit:
            more = start
            break
        shown.append(said)
    end = f"next offset {more}" if more is not None else "these are all" if shown else "no line has it"
    notice = f"[{len(shown)} lines; {end}; {len(output)} bytes searched from {arguments.offset}]"
    return ToolResult("\n".join([*shown, notice]), details={"lines": len(shown), "size_bytes": len(output)})


def _border(output: bytes, at: int, *, back: bool = True) -> int:
    """The nearest place before (or after) `at` where a UTF-8 character begins."""
    at = min(at, len(output))
    for _ in range(3):
        if 0 < at < len(output) and output[at] & 0xC0 == 0x80:
            at += -1 if back else 1
    return at

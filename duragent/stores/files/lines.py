"""Finding lines by seq in a file of lines, without reading the file: pure but for the `read` that it is handed."""

from collections.abc import Callable

from duragent.journal.line import MAX_LINE_BYTES, BadLine, first_seq, seq_of

Read = Callable[[int, int], bytes]
"""(offset, size) -> bytes; fewer than asked only at the end."""

CHUNK_BYTES = 64 << 10
_SHORT_BYTES = 1 << 10
LINE_MAX_BYTES = 2 * MAX_LINE_BYTES
"""A line is shorter; twice that has a whole one in it, wherever it begins."""


def offset_after(read: Read, end: int, seq: int) -> int:
    """Where the first line with a greater seq begins; `end` when there is none. Lines are ordered by seq."""
    low, high = 0, end
    while high - low > CHUNK_BYTES:
        start = _line_start(read, (low + high) // 2, high)
        if start >= high:
            high = (low + high) // 2
        elif _seq_at(read, start, end) > seq:
            high = start
        else:
            low = start
    # What is left is read once: each look at the file costs more than the line that it finds.
    near = read(low, min(CHUNK_BYTES, end - low))
    return _after_in(near, low, end, seq, read)


def _after_in(near: bytes, low: int, end: int, seq: int, read: Read) -> int:
    """The same for what is left from `low` on, of which `near` are the first bytes."""
    start = low
    while low < end:
        at = low - start
        newline = near.find(b"\n", at)
        if newline < 0:
            # Lines that are long, or that lie behind what was read.
            if _seq_at(read, low, end) > seq:
                return low
            low = _line_start(read, low + 1, end)
        elif _seq_of(near[at : at + 32], near[at : newline + 1]) > seq:
            return low
        else:
            low = start + newline + 1
    return low


def forward(read: Read, start: int, end: int, limit: int, max_bytes: int) -> bytes:
    """Whole lines from `start`: at most `limit`; stops after the line that passes `max_bytes`.

    Raises ValueError when the file ends before `end`.
    """
    pieces: list[bytes] = []
    total = 0
    while start < end and limit > 0 and total < max_bytes:
        chunk = read(start, min(max(CHUNK_BYTES, max_bytes - total), end - start))
        last = chunk.rfind(b"\n") + 1
        if last == 0:
            last = _line_start(read, start + 1, end) - start
            chunk = read(start, last)
        chunk = chunk[:last]
        if not chunk:
            raise ValueError(f"there is nothing at byte {start}, before the end at {end}")
        if (lines := chunk.count(b"\n")) > limit:
            chunk = b"\n".join(chunk.split(b"\n", limit)[:limit]) + b"\n"
        limit -= lines
        pieces.append(chunk)
        start, total = start + len(chunk), total + len(chunk)
    return b"".join(pieces)


def backward(read: Read, end: int, limit: int, max_bytes: int) -> bytes:
    """Whole lines that end at `end`, oldest first: at most `limit`, as many as fit `max_bytes`, at least one.

    Raises ValueError when there is no line as short as a line may be.
    """
    start, newlines = end, 0
    tail = b""
    if limit < 1:
        return tail
    while start > 0 and newlines <= limit and (len(tail) < max_bytes or newlines < 2):
        size = min(CHUNK_BYTES, start)
        start -= size
        piece = read(start, size)
        newlines += piece.count(b"\n")
        tail = piece + tail
        if newlines < 2 and len(tail) > LINE_MAX_BYTES:
            raise ValueError(f"there is no end of a line before byte {end}")
    lines = tail.split(b"\n")[:-1]
    if start > 0:
        lines = lines[1:]
    lines = lines[-limit:]
    while len(lines) > 1 and sum(map(len, lines)) + len(lines) > max_bytes:
        lines = lines[len(lines) // 2 :] if len(lines) > 16 else lines[1:]
    return b"".join(line + b"\n" for line in lines)


def _line_start(read: Read, position: int, end: int) -> int:
    """Where the first line that begins at or behind `position` begins; `end` when none does."""
    position -= 1
    # Most lines are short, and a search makes many such steps.
    size = _SHORT_BYTES
    while position < end:
        chunk = read(position, min(size, end - position))
        if not chunk:
            break
        if (newline := chunk.find(b"\n")) >= 0:
            return position + newline + 1
        position, size = position + len(chunk), min(4 * size, CHUNK_BYTES)
    return end


def _seq_of(beginning: bytes, line: bytes) -> int:
    try:
        return seq_of(beginning)
    except BadLine:
        return first_seq(line)


def _seq_at(read: Read, start: int, end: int) -> int:
    try:
        return seq_of(read(start, 32))
    except BadLine:
        return first_seq(read(start, _line_start(read, start + 1, end) - start))

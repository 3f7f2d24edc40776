"""Server-sent events from bytes (WHATWG HTML, section 9.2.6). Values in, values out: no I/O.

Lines end at CR LF, LF or CR only; `str.splitlines` would also cut at U+2028, which may stand raw in an answer.
"""

import re
from typing import NamedTuple

MAX_EVENT_BYTES = 16 << 20
"""Eight times the largest request body: the log may need six bytes (`\\u007f`) for one that came."""

_LINE_END = re.compile(b"\r\n|\n|\r")


class EventTooLong(Exception):
    """The other side does not speak SSE, or sends events without end."""


class ServerSentEvent(NamedTuple):
    """`id` is the last one seen on the stream, as a browser would keep it; `retry_seconds` None when not sent."""

    event: str
    data: str
    id: str
    retry_seconds: float | None = None


class LineReader:
    """Feed it bytes in pieces of any size; it gives the lines that are complete, without their ends.

    Raises EventTooLong for a line of more than `max_line_bytes`.
    """

    def __init__(self, max_line_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_line_bytes
        self._parts: list[bytes] = []
        self._waiting_bytes = 0
        self._after_cr = False

    @property
    def waiting_bytes(self) -> int:
        """How long the line is that has not ended."""
        return self._waiting_bytes

    def feed(self, chunk: bytes) -> list[bytes]:
        # A CR ends its line at once; the LF that may follow in the next chunk then belongs to it.
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        self._after_cr = self._after_cr or chunk.endswith(b"\r")
        lines = _LINE_END.split(chunk) if b"\r" in chunk else chunk.split(b"\n")
        rest = lines.pop()
        if lines and self._parts:
            lines[0] = b"".join((*self._parts, lines[0]))
        if lines:
            self._parts, self._waiting_bytes = [], 0
        if rest:
            self._parts.append(rest)
            self._waiting_bytes += len(rest)
            _check(self._waiting_bytes, self._max)
        return lines

    def rest(self) -> bytes:
        """The line that has not ended, when nothing more comes."""
        return b"".join(self._parts)


class Decoder:
    """Feed it bytes in pieces of any size; it gives the events that are complete."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._lines = LineReader(max_event_bytes)
        self._first_line = True
        self._data: list[str] = []
        self._data_bytes = 0
        self._event, self._id = "", ""
        self._retry: float | None = None

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        events = []
        for line in self._lines.feed(chunk):
            if line.startswith(b"data: "):
                self._add_data(line[6:])
            elif (event := self._take(line)) is not None:
                events.append(event)
        _check(self._lines.waiting_bytes + self._data_bytes, self._max)
        return events

    def _take(self, line: bytes) -> ServerSentEvent | None:
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._add_data(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) < 10:
            self._retry = int(value) / 1000
        return None

    def _add_data(self, value: bytes) -> None:
        self._first_line = False
        self._data_bytes += len(value)
        _check(self._data_bytes, self._max)
        self._data.append(value.decode("utf-8", "replace"))

    def _dispatch(self) -> ServerSentEvent | None:
        data, event, retry = self._data, self._event, self._retry
        if not data and retry is None:
            self._event = ""
            return None
        self._data, self._event, self._retry, self._data_bytes = [], "", None, 0
        return ServerSentEvent(event or "message", "\n".join(data), self._id, retry)


def _check(size_bytes: int, max_bytes: int) -> None:
    """Raises EventTooLong."""
    if size_bytes > max_bytes:
        raise EventTooLong(f"an event of more than {max_bytes} bytes")

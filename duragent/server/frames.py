"""Records as SSE frames. Replay parses nothing: stored lines become frames by cutting and joining bytes.

A stored line has no raw line end in it (JSON escapes them), so it can never end its frame early.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sse_starlette.event import ServerSentEvent

from duragent.journal.legacy import lift
from duragent.journal.record import CRC_TAIL_BYTES
from duragent.server.responses import to_json

BLOB_MARK = b'{"blob":"'
"""In a block that holds this, texts may have been moved out: see `Sessions.expand`."""

SHARED_MAX_BYTES = 16 << 10

RETRY = b"retry: 1000\n\n"
KEEP_ALIVE = b": keep-alive\n\n"

_CRC_KEY = b',"crc":"'
_START = re.compile(rb'\{"seq":(\d+),"ts":"[^"]*","type":"([\w.-]+)"')
_PLAIN = re.compile(rb'^(\{"seq":(\d+),"ts":"[^"\n]*","type":"([\w.-]+)".*),"crc":"[0-9a-f]{8}"\}$', re.MULTILINE)
"""A line of ours; what is not is looked at more closely."""
_NO_EVENT_NAME = re.compile(r"[^\w.-]", re.ASCII)


def frame(event: str, fields: Mapping[str, object]) -> bytes:
    """An SSE event without an id."""
    return ServerSentEvent(to_json(fields).decode(), event=event, sep="\n").encode()


def framed(lines: bytes) -> bytes:
    """Whole stored lines as SSE events whose id is the seq."""
    return _framed_once(lines) if len(lines) <= SHARED_MAX_BYTES else _framed(lines)


@lru_cache(maxsize=64)
def _framed_once(lines: bytes) -> bytes:
    # What is live goes to every watcher at about the same time.
    return _framed(lines)


def _framed(lines: bytes) -> bytes:
    found = _PLAIN.findall(lines)
    if len(found) == lines.count(b"\n"):
        return b"".join([b"id: %b\nevent: %b\ndata: %b}\n\n" % (seq, name, line) for line, seq, name in found])
    frames = []
    for line in lines.split(b"\n"):
        if not line:
            continue
        match = _START.match(line)
        if match:
            frames.append(b"id: %b\nevent: %b\ndata: %b\n\n" % (match[1], match[2], _without_crc(line)))
        else:
            frames.append(_lifted_frame(line))
    return b"".join(frames)


def listed(lines: bytes) -> list[bytes]:
    """Whole stored lines as JSON objects without `crc`."""
    return [_without_crc(line) if _START.match(line) else to_json(_fields(line)) for line in lines.split(b"\n") if line]


def _without_crc(line: bytes) -> bytes:
    cut = len(line) - CRC_TAIL_BYTES
    return line[:cut] + b"}" if line.startswith(_CRC_KEY, cut) else line


def _fields(line: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(line)
    fields.pop("crc", None)
    return lift.lift(fields) if "ts" not in fields and "timestamp" in fields else fields


def _lifted_frame(line: bytes) -> bytes:
    fields = _fields(line)
    name = _NO_EVENT_NAME.sub("_", str(fields["type"]))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (fields["seq"], name.encode(), to_json(fields))

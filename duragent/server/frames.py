"""Records as SSE frames. Replay parses nothing: stored lines become frames by cutting and joining bytes.

A stored line has no raw line end in it (JSON escapes them), so it can never end its frame early.
"""

from collections.abc import Mapping
from functools import lru_cache

from sse_starlette.event import ServerSentEvent

from duragent.journal.line import frame_parts
from duragent.kept_texts import keeps_texts
from duragent.server.responses import to_json

SHARED_MAX_BYTES = 16 << 10

RETRY = b"retry: 1000\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def frame(event: str, fields: Mapping[str, object]) -> bytes:
    """An SSE event without an id."""
    return ServerSentEvent(to_json(fields).decode(), event=event, sep="\n").encode()


def framed(lines: bytes) -> bytes:
    """Whole stored lines as SSE events whose id is the seq."""
    return _framed_once(lines) if len(lines) <= SHARED_MAX_BYTES else _framed(lines)


@keeps_texts
@lru_cache(maxsize=64)
def _framed_once(lines: bytes) -> bytes:
    # What is live goes to every watcher at about the same time.
    return _framed(lines)


def _framed(lines: bytes) -> bytes:
    return b"".join([b"id: %b\nevent: %b\ndata: %b}\n\n" % (seq, name, head) for head, seq, name in frame_parts(lines)])

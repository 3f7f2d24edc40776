"""`/events`: the records of a session, as pages of JSON or as a stream that goes on. Nothing here parses a record."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from duragent import wire
from duragent.bus import Block, OutputDelta
from duragent.errors import DuragentError, InvalidRequest
from duragent.journal.line import bodies, first_seq, has_blob, last_seq
from duragent.kept_texts import keeps_texts
from duragent.server.dependencies import Dependencies
from duragent.server.frames import RETRY, SHARED_MAX_BYTES, frame, framed
from duragent.server.params import EventsQuery, accepts, last_event_id_of, query_of, session_id_of
from duragent.server.sse import EventStream, raise_if_deleted
from duragent.session.watch import LogHead, LogReset, ReplayEnd, Watched, log_name

PAGE_MAX_BYTES = 4 << 20
"""A page of large records ends early; the client sees by `head` that there are more."""
_DELETED = frame("deleted", {})


async def get_events(dependencies: Dependencies, request: Request) -> ASGIApp:
    session_id, query = session_id_of(request), query_of(request, EventsQuery)
    if accepts(request) == "json":
        return await _page(dependencies, session_id, query)
    if query.before is not None:
        raise InvalidRequest("a stream goes forward: `before` is for JSON only", [("before", "is for JSON only")])
    after = last_event_id_of(request)
    if after is None:
        after = await _first(dependencies, session_id, query)
    return EventStream(dependencies, session_id, lambda: _stream(dependencies, session_id, after), deleted=_DELETED)


async def _first(dependencies: Dependencies, session_id: str, query: EventsQuery) -> int:
    if query.tail is None:
        return query.after or 0
    return max(0, (await dependencies.sessions.state(session_id)).seq - query.tail)


# --- pages ----------------------------------------------------------------------------------------------------------


async def _page(dependencies: Dependencies, session_id: str, query: EventsQuery) -> Response:
    if query.before is not None:
        events = await _backward(dependencies, session_id, query.before, query.limit)
    elif query.tail is not None:
        events = await _backward(dependencies, session_id, None, min(query.tail, query.limit)) if query.tail else []
    else:
        events = await _forward(dependencies, session_id, query.after or 0, query.limit)
    first = await dependencies.sessions.read(session_id, 0, 1)
    head = (await dependencies.sessions.state(session_id)).seq
    tail = b'],"head":%d,"oldest":%d}' % (head, first_seq(first) if first else 1)
    return Response(b'{"events":[' + b",".join(events) + tail, media_type="application/json")


async def _forward(dependencies: Dependencies, session_id: str, after: int, limit: int) -> list[bytes]:
    events: list[bytes] = []
    size_bytes = 0
    while len(events) < limit and size_bytes < PAGE_MAX_BYTES:
        lines = await dependencies.sessions.read(session_id, after, limit - len(events))
        if not lines:
            break
        for part in parts(lines):
            events += bodies(await expanded(dependencies, session_id, part))
            after = last_seq(part)
            size_bytes += len(part) if part is lines else len(events[-1])
            if size_bytes >= PAGE_MAX_BYTES:
                break
    return events


async def _backward(dependencies: Dependencies, session_id: str, before: int | None, limit: int) -> list[bytes]:
    events: list[bytes] = []
    size_bytes = 0
    while len(events) < limit and size_bytes < PAGE_MAX_BYTES:
        lines = await dependencies.sessions.read_back(session_id, before, limit - len(events))
        if not lines:
            break
        for part in reversed(parts(lines)):
            events[:0] = bodies(await expanded(dependencies, session_id, part))
            before = first_seq(part)
            size_bytes += len(part) if part is lines else len(events[0])
            if size_bytes >= PAGE_MAX_BYTES:
                break
    return events


def parts(lines: bytes) -> list[bytes]:
    """What may be expanded at a time: texts that were moved out of many small lines can be too much for the memory."""
    return lines.splitlines(keepends=True) if has_blob(lines) else [lines]


async def expanded(dependencies: Dependencies, session_id: str, lines: bytes) -> bytes:
    """The lines with the texts that were moved out of them, if there are any."""
    return await dependencies.sessions.expand(session_id, lines) if has_blob(lines) else lines


# --- the stream -----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _stream(dependencies: Dependencies, session_id: str, after: int) -> AsyncIterator[AsyncIterator[bytes]]:
    async with dependencies.sessions.watch(session_id, after) as watched:
        frames = _frames(dependencies, session_id, after, watched)
        async with contextlib.aclosing(frames):
            yield frames


async def _frames(
    dependencies: Dependencies, session_id: str, after: int, watched: AsyncIterator[Watched]
) -> AsyncGenerator[bytes, None]:
    yield RETRY
    last, log, fault = after, "", None
    try:
        async for item in watched:
            match item:
                case LogHead():
                    log = item.log
                    hello = wire.Hello(session_id=session_id, head=item.head, oldest=item.oldest, log=item.log)
                    yield frame("hello", hello.model_dump())
                case Block():
                    last = item.last_seq
                    for part in parts(item.lines):
                        yield framed(await expanded(dependencies, session_id, part))
                case ReplayEnd():
                    yield frame("caught_up", {"head": last})
                case OutputDelta():
                    yield delta_frame(item)
                case LogReset():
                    last = 0
                    yield frame("reset", {})
    except DuragentError as error:
        fault = error
    await raise_if_deleted(dependencies, session_id)
    if await _is_another(dependencies, session_id, log):
        # It was repaired or redacted, perhaps in the middle of the replay: the client starts again from the beginning.
        yield frame("reset", {})
    elif fault is not None:
        raise fault


async def _is_another(dependencies: Dependencies, session_id: str, log: str) -> bool:
    """Whether another log has taken the place of that one. While one is written, this waits."""
    try:
        return log != log_name(await dependencies.sessions.state(session_id))
    except DuragentError:
        return False


def delta_frame(delta: OutputDelta) -> bytes:
    # A long one is what a single watcher missed or came late to; kept for the others it would only fill the memory.
    return _delta_frame_once(delta) if len(delta.text) <= SHARED_MAX_BYTES else _delta_frame(delta)


@keeps_texts
@lru_cache(maxsize=256)
def _delta_frame_once(delta: OutputDelta) -> bytes:
    # Every watcher of the session gets the same.
    return _delta_frame(delta)


def _delta_frame(delta: OutputDelta) -> bytes:
    fields = asdict(delta)
    if not delta.call:
        del fields["call"]
    return frame("delta", fields)

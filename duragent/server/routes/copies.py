"""Sessions from other sessions: fork, export, import; and what changes a log: repair and redaction."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from typing import IO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from duragent.errors import DuragentError, NothingToRedact
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import session_info
from duragent.server.params import ImportQuery, body_of, idempotency_key_of, query_of, session_id_of
from duragent.server.responses import answer
from duragent.server.routes.sessions import created
from duragent.wire import ForkSession, RedactedSession, RedactSession

_PIECE_BYTES = 256 << 10


async def fork_session(dependencies: Dependencies, request: Request) -> Response:
    from duragent.transfer.fork import Fork, fork

    session_id, body = session_id_of(request), await body_of(request, ForkSession)
    wanted = Fork(session_id, body.at, body.title, idempotency_key_of(request))
    state, duplicate = await fork(dependencies.sessions, dependencies.clock, wanted)
    return created(state, duplicate)


async def repair_session(dependencies: Dependencies, request: Request) -> Response:
    state = await dependencies.sessions.repair(session_id_of(request))
    return answer(session_info(state, dependencies.sessions.damaged().get(state.session_id)))


async def redact_session(dependencies: Dependencies, request: Request) -> Response:
    from duragent.journal.redaction import Redaction
    from duragent.session.redact import Redact, redact

    session_id, body = session_id_of(request), await body_of(request, RedactSession)
    wanted = Redaction(frozenset(body.seqs), body.match)
    try:
        made = await redact(dependencies.sessions, session_id, Redact(wanted, body.by, body.reason, body.dry_run))
    except NothingToRedact:
        # An earlier attempt of this request may have died between the log and the index.
        if not body.dry_run:
            await _renew_index(dependencies, session_id)
        raise
    left = [*made.left, *(() if body.dry_run else await _renew_index(dependencies, session_id))]
    state = await dependencies.sessions.state(session_id)
    return answer(RedactedSession(session_id=session_id, seqs=list(made.seqs), head=state.seq, left=left))


async def _renew_index(dependencies: Dependencies, session_id: str) -> list[str]:
    """What was said there is found in the agent's index. Returns sentences about what is left of it."""
    if dependencies.memories is None:
        return []
    agent = (await dependencies.sessions.state(session_id)).agent
    try:
        await dependencies.memories.renew(agent, session_id)
    except (DuragentError, OSError) as error:
        return [f"the search index of {agent} has it until it can be opened again: {error}"]
    return []


async def export_session(dependencies: Dependencies, request: Request) -> Response:
    from duragent.transfer.export import export

    session_id = session_id_of(request)
    file = await export(dependencies.sessions, dependencies.clock, session_id)
    size = await asyncio.to_thread(file.seek, 0, 2)
    headers = {"Content-Length": str(size), "Content-Disposition": f'attachment; filename="{session_id}.zip"'}
    return StreamingResponse(_pieces(file), headers=headers, media_type="application/zip")


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        await asyncio.to_thread(file.seek, 0)
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece


async def import_session(dependencies: Dependencies, request: Request) -> Response:
    from duragent.transfer.import_ import import_, import_as_new, import_once
    from duragent.transfer.source import in_thread

    query, key = query_of(request, ImportQuery), idempotency_key_of(request)
    with tempfile.TemporaryFile() as file:
        async for piece in request.stream():
            await in_thread(partial(file.write, piece))
        await in_thread(file.flush)
        if query.new_id:
            state, duplicate = await import_as_new(dependencies.sessions, dependencies.clock, file, key)
        elif key is not None:
            state, duplicate = await import_once(dependencies.sessions, dependencies.clock, file)
        else:
            state, duplicate = await import_(dependencies.sessions, dependencies.clock, file, new_id=False), False
    return created(state, duplicate)

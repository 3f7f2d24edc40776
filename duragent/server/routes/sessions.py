"""Sessions: create, list, show, rename, delete, cancel."""

import logging

from starlette.requests import Request
from starlette.responses import Response

from duragent.errors import DuragentError
from duragent.journal.inputs import Cancel, Rename
from duragent.journal.state import SessionState
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import session_info
from duragent.server.params import DeleteQuery, SessionsQuery, body_of, idempotency_key_of, query_of, session_id_of
from duragent.server.responses import answer, replayed
from duragent.server.routes.models import usable_model
from duragent.session.sessions import NewSession
from duragent.wire import CancelResult, ChangeSession, CreateSession, SessionInfo, SessionList

_log = logging.getLogger(__name__)


async def create_session(dependencies: Dependencies, request: Request) -> Response:
    body = await body_of(request, CreateSession)
    chosen = None
    if body.model:
        chosen = await usable_model(dependencies, dependencies.catalog.get(body.agent), body.model)
    new = NewSession(
        body.agent,
        body.title,
        body.source,
        body.door or "",
        idempotency_key_of(request),
        chosen.label if chosen else "",
        body.system or "",
    )
    state, duplicate = await dependencies.sessions.create(new)
    return created(state, duplicate)


def created(state: SessionState, duplicate: bool) -> Response:
    """201 for a session that is here now, with its place; also when the same request made it before."""
    headers = {"Location": f"/api/v1/sessions/{state.session_id}", **replayed(duplicate)}
    return answer(session_info(state), 201, headers)


async def list_sessions(dependencies: Dependencies, request: Request) -> Response:
    query = query_of(request, SessionsQuery)
    states, cursor = await dependencies.sessions.list(**query.model_dump())
    damaged, unread = dependencies.sessions.damaged(), dependencies.sessions.unread()
    shown = [session_info(state, damaged.get(state.session_id), unread=state.session_id in unread) for state in states]
    return answer(SessionList(sessions=shown, next_cursor=cursor, unread=len(unread)))


async def get_session(dependencies: Dependencies, request: Request) -> Response:
    return answer(await _info(dependencies, session_id_of(request)))


async def change_session(dependencies: Dependencies, request: Request) -> Response:
    session_id, body = session_id_of(request), await body_of(request, ChangeSession)
    await dependencies.sessions.post(session_id, Rename(title=body.title))
    return answer(await _info(dependencies, session_id))


async def delete_session(dependencies: Dependencies, request: Request) -> Response:
    session_id, query = session_id_of(request), query_of(request, DeleteQuery)
    agent = (await dependencies.sessions.state(session_id)).agent
    await dependencies.sessions.delete(session_id, head=query.head)
    if dependencies.memories is not None:
        try:
            await dependencies.memories.renew(agent, session_id, deleted=True)
        except (DuragentError, OSError) as error:
            # It is found out at the next opening.
            _log.warning("the search index of %s has what was said in %s: %s", agent, session_id, error)
    return Response(status_code=204)


async def cancel(dependencies: Dependencies, request: Request) -> Response:
    session_id = session_id_of(request)
    receipt = await dependencies.sessions.post(
        session_id, Cancel(by="http", idempotency_key=idempotency_key_of(request))
    )
    cancelled = receipt.changed or receipt.duplicate
    result = CancelResult(session_id=session_id, cancelled=cancelled, seq=receipt.seq if cancelled else None)
    return answer(result, headers=replayed(receipt.duplicate))


async def _info(dependencies: Dependencies, session_id: str) -> SessionInfo:
    return session_info(await dependencies.sessions.state(session_id), dependencies.sessions.damaged().get(session_id))

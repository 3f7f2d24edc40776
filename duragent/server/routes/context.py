"""`/context`: a request that the model of a session was sent, made again from its log."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from duragent.server.dependencies import Dependencies
from duragent.server.params import ContextQuery, query_of, session_id_of
from duragent.server.responses import answer
from duragent.wire import SentMessage, SentRequest, SentSection

if TYPE_CHECKING:
    from duragent.turn.rebuild import Rebuilt


async def get_context(dependencies: Dependencies, request: Request) -> Response:
    from duragent.session.stored_log import SessionsLog
    from duragent.turn.rebuild import rebuild, rebuild_newest

    session_id, at = session_id_of(request), query_of(request, ContextQuery).at
    state = await dependencies.sessions.state(session_id)
    log = SessionsLog(dependencies.sessions, session_id)
    made = await (rebuild(log, session_id, state.agent, at) if at else rebuild_newest(log, state))
    return answer(_sent(session_id, made))


def _sent(session_id: str, made: "Rebuilt") -> SentRequest:
    model = made.agent.spec.model
    return SentRequest(
        session_id=session_id,
        seq=made.called_seq,
        turn=made.called.turn,
        model=f"{model.provider}/{model.name}",
        equal=made.is_equal,
        sha256=made.sha256,
        request_sha256=made.called.request_sha256,
        lost_blobs=list(made.lost_blobs),
        forgotten=made.forgotten,
        redacted=list(made.redacted),
        sections=[
            SentSection(source=each.source, priority=each.priority, text=each.text) for each in made.frame.sections
        ],
        tools=[tool.name for tool in made.frame.tools],
        tail=made.frame.tail,
        messages=[
            SentMessage(role=each.role, content=each.content, calls=[call.model_dump() for call in each.calls])
            for each in made.request.messages
            if each.role != "system"
        ],
    )

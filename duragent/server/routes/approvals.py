"""`/approvals`, `/approve` and `/revoke`: the open questions, a decision about one, and what is asked about again."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from duragent.journal.answer import TurnAnswer
from duragent.journal.events import ApprovalDecided, ToolResolved
from duragent.journal.inputs import Decision, Revocation
from duragent.journal.question import Question
from duragent.server.dependencies import Dependencies
from duragent.server.params import (
    ApprovalsQuery,
    body_of,
    idempotency_key_of,
    misfit,
    prefers_async,
    query_of,
    session_id_of,
)
from duragent.server.responses import answer, replayed
from duragent.server.routes.messages import accepted
from duragent.server.turn_response import TurnResponse, content_of
from duragent.session.approvals import if_readable
from duragent.stores.base import STREAM_ID
from duragent.wire import Accepted, Approval, ApprovalList, Completed, Decide, Revoke, Revoked, Usage

if TYPE_CHECKING:
    from duragent.session.session import Receipt


async def list_approvals(dependencies: Dependencies, request: Request) -> Response:
    query = query_of(request, ApprovalsQuery)
    if query.session_id is not None:
        questions, unread = await _of_session(dependencies, query.session_id), 0
    else:
        questions, unread = await dependencies.sessions.questions(), len(dependencies.sessions.unread())
    approvals = [Approval.of(question) for question in questions if query.agent in (None, question.agent)]
    return answer(ApprovalList(approvals=approvals, unread=unread))


async def _of_session(dependencies: Dependencies, session_id: str) -> list[Question]:
    """What this session asks, also when it has not been read yet."""
    if not STREAM_ID.match(session_id) or session_id in dependencies.sessions.damaged():
        return []
    question = await if_readable(dependencies.sessions.question(session_id))
    return [question] if question else []


async def approve(dependencies: Dependencies, request: Request) -> ASGIApp:
    session_id, key = session_id_of(request), idempotency_key_of(request)
    decision = _decision(await body_of(request, Decide), key)
    receipt = await dependencies.sessions.post(session_id, decision)
    seq, turn = await _decided(dependencies, session_id, decision.call, receipt)
    if prefers_async(request):
        return accepted(Accepted(session_id=session_id, message_id="", seq=seq), receipt.duplicate)
    return TurnResponse(dependencies, session_id, seq, completed, replayed(receipt.duplicate), turn)


async def revoke(dependencies: Dependencies, request: Request) -> Response:
    """What is still allowed until the session ends, after these patterns were taken back."""
    session_id, body = session_id_of(request), await body_of(request, Revoke)
    revocation = Revocation(patterns=tuple(body.patterns), by=body.by or "http")
    receipt = await dependencies.sessions.post(session_id, revocation)
    state = await dependencies.sessions.state(session_id)
    return answer(Revoked(session_id=session_id, seq=receipt.seq or None, allowed=list(state.allowed)))


def _decision(body: Decide, key: str | None) -> Decision:
    if body.patterns and body.decision not in ("allow_session", "allow_always"):
        raise misfit("patterns", "goes with the decisions allow_session and allow_always only")
    return Decision(
        call=body.call_id,
        decision=body.decision,
        by=body.by or "http",
        reason=body.reason,
        arguments_sha256=body.arguments_sha256,
        invocation=body.command,
        patterns=tuple(body.patterns),
        idempotency_key=key,
    )


async def _decided(dependencies: Dependencies, session_id: str, call: str, receipt: "Receipt") -> tuple[int, str]:
    """The seq of the decision's record, also when another request made the same decision; and its turn."""
    state = await dependencies.sessions.state(session_id)
    seq = next((decided.seq for decided in reversed(state.decided) if decided.call == call), receipt.seq)
    records = await dependencies.sessions.records(session_id, await dependencies.sessions.read(session_id, seq - 1, 1))
    event = records[0].event if records else None
    return seq, event.turn if isinstance(event, ApprovalDecided | ToolResolved) else ""


def completed(found: TurnAnswer, decided_seq: int) -> Completed:
    """The body of a 200. Raises RequestRefused for a turn that failed or is paused."""
    content = content_of(found, decided_seq)
    return Completed(
        message_id=content.message_id,
        content=content.content,
        seq=content.seq,
        usage=Usage.of(content.reply.usage, content.reply.cost_usd) if content.reply else None,
        interrupted=content.interrupted,
    )

"""What people are asked, and their answers: which calls wait, and deciding about one."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from duragent.errors import InvalidRequest
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import ApprovalDecided, ToolResolved
from duragent.journal.inputs import Decision
from duragent.journal.question import Question
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import reply_usage
from duragent.server.params import (
    ApprovalsQuery,
    body_of,
    idempotency_key_of,
    prefers_async,
    query_of,
    session_id_of,
)
from duragent.server.responses import answer, replayed
from duragent.server.routes.messages import accepted
from duragent.server.turn_response import TurnResponse, cancelled_attempt, completed_or_cancelled
from duragent.session.approvals import if_readable
from duragent.session.sessions import Receipt
from duragent.stores.base import STREAM_ID
from duragent.wire import Accepted, Approval, ApprovalList, Completed, Decide


async def list_approvals(doors: Dependencies, request: Request) -> Response:
    query = query_of(request, ApprovalsQuery)
    if query.session_id is not None:
        questions, unread = await _of_session(doors, query.session_id), 0
    else:
        questions, unread = await doors.sessions.questions(), len(doors.sessions.unread())
    shown = [Approval.of(question) for question in questions if query.agent in (None, question.agent)]
    return answer(ApprovalList(approvals=shown, unread=unread))


async def _of_session(doors: Dependencies, session_id: str) -> list[Question]:
    """What this session asks, also when it has not been read yet."""
    if not STREAM_ID.match(session_id) or session_id in doors.sessions.damaged():
        return []
    question = await if_readable(doors.sessions.question(session_id))
    return [question] if question else []


async def approve(doors: Dependencies, request: Request) -> ASGIApp:
    session_id, key = session_id_of(request), idempotency_key_of(request)
    decision = _decision(await body_of(request, Decide), key)
    receipt = await doors.sessions.post(session_id, decision)
    seq, turn = await _decided(doors, session_id, decision.call, receipt)
    if prefers_async(request):
        return accepted(Accepted(session_id=session_id, message_id="", seq=seq), receipt.duplicate)
    shape = partial(completed, seq)
    return TurnResponse(doors, session_id, seq, shape, replayed(receipt.duplicate), turn)


def _decision(body: Decide, key: str | None) -> Decision:
    if body.patterns and body.decision != "allow_always":
        fault = ("patterns", "goes with the decision allow_always only")
        raise InvalidRequest(f"the body has the wrong shape: {fault[0]}: {fault[1]}", [fault])
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


async def _decided(doors: Dependencies, session_id: str, call: str, receipt: Receipt) -> tuple[int, str]:
    """The seq of the decision's record, and its turn."""
    state = await doors.sessions.state(session_id)
    seq = next((each.seq for each in reversed(state.decided) if each.call == call), receipt.seq)
    records = await doors.sessions.records(session_id, await doors.sessions.read(session_id, seq - 1, 1))
    event = records[0].event if records else None
    return seq, event.turn if isinstance(event, ApprovalDecided | ToolResolved) else ""


def completed(decided_seq: int, found: TurnAnswer) -> Completed:
    """The body of a 200. Raises RequestRefused for a turn that failed or is paused."""
    reply = completed_or_cancelled(found).reply
    if found.outcome == "cancelled" or reply is None:
        attempt, seq = cancelled_attempt(found)
        return Completed(
            message_id=(attempt.message_id if attempt else "") or "",
            content=attempt.partial_text if attempt else "",
            seq=seq or found.reply_seq or decided_seq,
            interrupted=True,
        )
    usage = reply_usage(reply.usage, reply.cost_usd)
    return Completed(message_id=reply.message_id, content=reply.text, seq=found.reply_seq, usage=usage)

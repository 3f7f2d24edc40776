"""`/messages`: what was said, and saying something. The answer is awaited after the message is durable."""

from dataclasses import asdict, dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from duragent.journal.answer import TurnAnswer
from duragent.journal.events import MessageReceived, ModelFailed, ModelReplied, Sender
from duragent.journal.inputs import Message
from duragent.journal.line import first_seq, lines_of_types
from duragent.journal.record import Record
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import reply_usage
from duragent.server.params import (
    MessagesQuery,
    body_of,
    idempotency_key_of,
    prefers_async,
    query_of,
    session_id_of,
)
from duragent.server.responses import answer, replayed
from duragent.server.turn_response import TurnResponse, cancelled_attempt, completed_or_cancelled
from duragent.session.sessions import Receipt
from duragent.wire import Accepted, Answer, MessageInfo, MessageList, SendMessage

PAGE_MAX_CHARACTERS = 4 << 20
_SAYING = ("message_received", "model_replied", "model_failed")
"""Lines without any of these say nothing; they are not parsed. The last one is of logs of duragent-rust."""


# --- saying something -----------------------------------------------------------------------------------------------


async def post_message(doors: Dependencies, request: Request) -> ASGIApp:
    session_id, receipt = await received(doors, request)
    if prefers_async(request):
        assert receipt.message_id is not None
        noted = Accepted(session_id=session_id, message_id=receipt.message_id, seq=receipt.seq)
        return accepted(noted, receipt.duplicate)
    headers = replayed(receipt.duplicate)
    return TurnResponse(doors, session_id, receipt.seq, lambda found: answer_of(found, receipt.seq), headers)


def accepted(noted: Accepted, duplicate: bool) -> Response:
    """202 for what is durable, with the place where its answer comes."""
    location = f"/api/v1/sessions/{noted.session_id}/events?after={noted.seq}"
    headers = {"Preference-Applied": "respond-async", "Location": location}
    return answer(noted, 202, headers | replayed(duplicate))


async def received(doors: Dependencies, request: Request) -> tuple[str, Receipt]:
    """The session and the receipt of the message in a request: it is durable then."""
    session_id, key = session_id_of(request), idempotency_key_of(request)
    body = await body_of(request, SendMessage)
    sender = None
    if body.sender_id is not None or body.sender_name is not None:
        sender = Sender(id=body.sender_id, name=body.sender_name)
    message = Message(text=body.content, sender=sender, source=body.source, door=body.door, idempotency_key=key)
    return session_id, await doors.sessions.post(session_id, message)


def answer_of(found: TurnAnswer, input_seq: int) -> Answer:
    """The body of a 200. Raises RequestRefused for a turn that failed or is paused."""
    reply = completed_or_cancelled(found).reply
    if found.outcome == "cancelled":
        attempt, seq = cancelled_attempt(found)
        return Answer(
            message_id=(attempt.message_id if attempt else "") or "",
            content=attempt.partial_text if attempt else "",
            seq=seq or found.reply_seq or input_seq,
            input_seq=input_seq,
            interrupted=True,
        )
    assert reply is not None  # a completed turn has replied
    return Answer(
        message_id=reply.message_id,
        content=reply.text,
        seq=found.reply_seq,
        input_seq=input_seq,
        usage=reply_usage(reply.usage, reply.cost_usd),
        model=reply.model or None,
        finish_reason=reply.finish_reason,
    )


# --- what was said --------------------------------------------------------------------------------------------------


async def get_messages(doors: Dependencies, request: Request) -> Response:
    session_id, query = session_id_of(request), query_of(request, MessagesQuery)
    newest_first: list[MessageInfo] = []
    before, characters = query.before, 0
    while lines := await doors.sessions.read_back(session_id, before, 1000):
        before = first_seq(lines)
        for record in reversed(await doors.sessions.records(session_id, lines_of_types(lines, _SAYING))):
            if (message := _message(record)) is not None:
                newest_first.append(message)
                characters += len(message.content)
                if len(newest_first) == query.limit or characters > PAGE_MAX_CHARACTERS:
                    return answer(MessageList(messages=newest_first[::-1], next_before=message.seq))
    return answer(MessageList(messages=newest_first[::-1]))


@dataclass(frozen=True)
class _Said:
    role: Literal["user", "assistant"]
    content: str
    message_id: str
    interrupted: bool = False
    sender_name: str | None = None


def _message(record: Record) -> MessageInfo | None:
    event = record.event
    match event:
        case MessageReceived():
            name = event.sender.name if event.sender else None
            said = _Said("user", event.text, event.message_id, sender_name=name)
        case ModelReplied(calls=()):
            said = _Said("assistant", event.text, event.message_id)
        case ModelFailed(error="cancelled") if event.partial_text:
            said = _Said("assistant", event.partial_text, event.message_id or "", interrupted=True)
        case _:
            return None
    return MessageInfo(seq=record.seq, created_at=record.ts, **asdict(said))

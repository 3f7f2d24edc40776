"""`/messages`: a new message, and those of a session. The response waits for the answer once the message is durable."""

from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from duragent.file_types import file_name
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import Attachment, MessageReceived, ModelFailed, ModelReplied, Sender
from duragent.journal.inputs import Message
from duragent.journal.line import first_seq, lines_of_types
from duragent.journal.record import Record
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import attachment_info
from duragent.server.params import (
    MessagesQuery,
    body_of,
    idempotency_key_of,
    prefers_async,
    query_of,
    session_id_of,
)
from duragent.server.responses import answer, replayed
from duragent.server.turn_response import TurnResponse, content_of
from duragent.wire import Accepted, Answer, MessageInfo, MessageList, SendMessage, Usage

if TYPE_CHECKING:
    from duragent.session.session import Receipt

PAGE_MAX_CHARACTERS = 4 << 20
"""A page of messages ends where it has more characters, whatever its limit of messages is."""

_MESSAGE_TYPES = ("message_received", "model_replied", "model_failed")
"""The events that may hold a message. Lines of other types are not parsed."""


# --- a new message --------------------------------------------------------------------------------------------------


async def post_message(dependencies: Dependencies, request: Request) -> ASGIApp:
    session_id, receipt = await received(dependencies, request)
    if prefers_async(request):
        assert receipt.message_id is not None
        noted = Accepted(session_id=session_id, message_id=receipt.message_id, seq=receipt.seq)
        return accepted(noted, receipt.duplicate)
    headers = replayed(receipt.duplicate)
    return TurnResponse(dependencies, session_id, receipt.seq, answer_of, headers)


def accepted(noted: Accepted, duplicate: bool) -> Response:
    """202 for a message or a decision that is durable, with the place where the answer will come."""
    location = f"/api/v1/sessions/{noted.session_id}/events?after={noted.seq}"
    headers = {"Preference-Applied": "respond-async", "Location": location}
    return answer(noted, 202, headers | replayed(duplicate))


async def received(dependencies: Dependencies, request: Request) -> "tuple[str, Receipt]":
    """Post the message of a request; its session and its receipt. The message is durable on return."""
    session_id, key = session_id_of(request), idempotency_key_of(request)
    body = await body_of(request, SendMessage)
    sender = None
    if body.sender_id is not None or body.sender_name is not None:
        sender = Sender(id=body.sender_id, name=body.sender_name)
    message = Message(
        text=body.content,
        sender=sender,
        source=body.source,
        door=body.door or "",
        attachments=tuple(Attachment(name=file_name(each.name), sha256=each.sha256) for each in body.attachments or ()),
        idempotency_key=key,
    )
    return session_id, await dependencies.sessions.post(session_id, message)


def answer_of(found: TurnAnswer, input_seq: int) -> Answer:
    """The body of a 200. Raises RequestRefused for a turn that failed or is paused."""
    content = content_of(found, input_seq)
    reply = content.reply
    return Answer(
        message_id=content.message_id,
        content=content.content,
        seq=content.seq,
        input_seq=input_seq,
        usage=Usage.of(reply.usage, reply.cost_usd) if reply else None,
        model=(reply.model or None) if reply else None,
        interrupted=content.interrupted,
        finish_reason=reply.finish_reason if reply else None,
    )


# --- the messages of a session --------------------------------------------------------------------------------------


async def get_messages(dependencies: Dependencies, request: Request) -> Response:
    session_id, query = session_id_of(request), query_of(request, MessagesQuery)
    newest_first: list[MessageInfo] = []
    before, characters = query.before, 0
    while lines := await dependencies.sessions.read_back(session_id, before, 1000):
        before = first_seq(lines)
        for record in reversed(await dependencies.sessions.records(session_id, lines_of_types(lines, _MESSAGE_TYPES))):
            if (message := _message(record)) is not None:
                newest_first.append(message)
                characters += len(message.content)
                if len(newest_first) == query.limit or characters > PAGE_MAX_CHARACTERS:
                    return answer(MessageList(messages=newest_first[::-1], next_before=message.seq))
    return answer(MessageList(messages=newest_first[::-1]))


def _message(record: Record) -> MessageInfo | None:
    """The message in this record; None when it holds none."""
    event = record.event
    message = partial(MessageInfo, seq=record.seq, created_at=record.ts)
    match event:
        case MessageReceived():
            name = event.sender.name if event.sender else None
            files = [attachment_info(each) for each in event.attachments]
            return message(
                role="user", content=event.text, message_id=event.message_id, sender_name=name, attachments=files
            )
        case ModelReplied(calls=()):
            return message(role="assistant", content=event.text, message_id=event.message_id)
        case ModelFailed(error="cancelled") if event.partial_text:
            text, message_id = event.partial_text, event.message_id or ""
            return message(role="assistant", content=text, message_id=message_id, interrupted=True)
        case _:
            return None

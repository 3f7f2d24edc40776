"""A response that comes when a turn has ended, or when it waits for a person."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from duragent.errors import SessionDeleted, SessionNotFound
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import ModelReplied
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import waiting
from duragent.server.problems import RequestRefused
from duragent.server.responses import answer
from duragent.wire import Waiting


@dataclass(frozen=True)
class TurnResponse:
    """An ASGI response that waits for the turn of a message. The turn goes on when this client leaves.

    200 with the body that `shape` makes; 202 with the open question while a person has to decide first.
    """

    dependencies: Dependencies
    session_id: str
    """The session of the message or the decision; it may be deleted while this waits."""
    seq: int
    """Of the message, or of the decision."""
    shape: Callable[[TurnAnswer, int], BaseModel]
    """Makes the body of a 200, also from `seq`. Raises RequestRefused when the turn has no answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Added to a 200 and a 202."""
    turn: str = ""
    """The turn of the decision; "" for a message."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body()
        response = answer(body, 202 if isinstance(body, Waiting) else 200, self.headers)
        await response(scope, receive, send)

    async def _body(self) -> BaseModel:
        seconds = self.dependencies.settings.request_timeout_seconds
        try:
            async with self.dependencies.stop.ends(), asyncio.timeout(seconds):
                while True:
                    found = await self.dependencies.sessions.answer(self.session_id, self.seq, self.turn)
                    if found.outcome != "waiting":
                        break
                    if (question := await self.dependencies.sessions.question(self.session_id)) is not None:
                        return waiting(question)
        except SessionNotFound as error:
            # The message was stored, so the session was there when this began.
            raise SessionDeleted(self.session_id) from error
        except TimeoutError:
            where = f"/api/v1/sessions/{self.session_id}/events?after={self.seq}"
            detail = f"no answer within {seconds:g} seconds; the turn goes on, and its answer comes at {where}"
            raise RequestRefused("timeout", detail) from None
        return self.shape(found, self.seq)


@dataclass(frozen=True, slots=True)
class AnswerContent:
    """What a 200 says of an answer, to a message and to a decision alike."""

    message_id: str
    """"" when the turn was cancelled before the model said anything."""
    content: str
    """The answer; of a cancelled turn what was said of it, or ""."""
    seq: int
    """Of the record that holds `content`; of the message or the decision when no record does."""
    interrupted: bool = False
    """Whether the turn was cancelled."""
    reply: ModelReplied | None = None
    """The whole reply; None for a cancelled turn."""


def content_of(found: TurnAnswer, input_seq: int) -> AnswerContent:
    """Raises RequestRefused for a turn that failed or is paused."""
    if found.outcome == "failed":
        raise RequestRefused("model-failed", found.reason or found.code or "the model gave no answer")
    if found.outcome == "paused":
        raise RequestRefused("turn-paused", found.reason or "the turn waits for a person")
    if found.outcome == "completed" and found.reply is not None:
        return AnswerContent(found.reply.message_id, found.reply.text, found.reply_seq, reply=found.reply)
    if found.failed is not None and found.failed.error == "cancelled":
        # The cancelled attempt is the last thing that the model said.
        partial = found.failed
        return AnswerContent(partial.message_id or "", partial.partial_text, found.failed_seq, interrupted=True)
    return AnswerContent("", "", found.reply_seq or input_seq, interrupted=True)

"""A response that comes when a turn has ended, or when it waits for a person."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from duragent.errors import SessionDeleted, SessionNotFound
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import ModelFailed
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

    doors: Dependencies
    session_id: str
    seq: int
    """Of the message, or of the decision."""
    shape: Callable[[TurnAnswer], BaseModel]
    """Makes the body of a 200. Raises RequestRefused when the turn has no answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    turn: str = ""
    """The turn of the decision; "" for a message."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body()
        response = answer(body, 202 if isinstance(body, Waiting) else 200, self.headers)
        await response(scope, receive, send)

    async def _body(self) -> BaseModel:
        seconds = self.doors.settings.request_timeout_seconds
        try:
            async with self.doors.stop.ends(), asyncio.timeout(seconds):
                while True:
                    found = await self.doors.sessions.answer(self.session_id, self.seq, self.turn)
                    if found.outcome != "waiting":
                        break
                    if (question := await self.doors.sessions.question(self.session_id)) is not None:
                        return waiting(question)
        except SessionNotFound as error:
            # The message was stored, so the session was there when this began.
            raise SessionDeleted(self.session_id) from error
        except TimeoutError:
            where = f"/api/v1/sessions/{self.session_id}/events?after={self.seq}"
            detail = f"no answer within {seconds:g} seconds; the turn goes on, and its answer comes at {where}"
            raise RequestRefused("timeout", detail) from None
        return self.shape(found)


def completed_or_cancelled(found: TurnAnswer) -> TurnAnswer:
    """The same value. Raises RequestRefused for a turn that failed or is paused."""
    if found.outcome == "failed":
        raise RequestRefused("model-failed", found.reason or found.code or "the model gave no answer")
    if found.outcome == "paused":
        raise RequestRefused("turn-paused", found.reason or "the turn waits for a person")
    return found


def cancelled_attempt(found: TurnAnswer) -> tuple[ModelFailed | None, int]:
    """The attempt that the cancellation stopped, which holds the beginning of an answer, and its seq; None and 0."""
    if found.failed is None or found.failed.error != "cancelled":
        return None, 0
    return found.failed, found.failed_seq

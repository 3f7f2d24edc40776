"""An answer that comes when a turn has ended, or when it waits for a person."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from duragent.errors import SessionDeleted, SessionNotFound
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import waiting
from duragent.server.problems import RequestRefused
from duragent.server.responses import answer
from duragent.session.wait_for_turn import WAITS, Answered
from duragent.wire import Waiting


@dataclass(frozen=True)
class TurnResponse:
    """An ASGI answer that waits for the turn of the message `seq`, or for `turn`; the turn does not depend on it.

    `shape` makes the body of a 200 of it. 202 with what waits when a person has to decide first.
    """

    doors: Dependencies
    session_id: str
    seq: int
    shape: Callable[[Answered], BaseModel]
    headers: Mapping[str, str] = field(default_factory=dict)
    turn: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = await self._found()
        response = answer(found, 202 if isinstance(found, Waiting) else 200, self.headers)
        await response(scope, receive, send)

    async def _found(self) -> BaseModel:
        seconds = self.doors.settings.request_timeout_seconds
        try:
            async with self.doors.stop.ends(), asyncio.timeout(seconds):
                while True:
                    answered = await self.doors.sessions.answer(self.session_id, self.seq, self.turn)
                    if answered.code != WAITS:
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
        return self.shape(answered)


def good(answered: Answered) -> Answered:
    """The same, when it has an answer or what was said of one until it was cancelled. Raises Refused."""
    if answered.outcome == "failed":
        raise RequestRefused("model-failed", answered.reason or answered.code or "the model gave no answer")
    if answered.outcome == "paused":
        raise RequestRefused("turn-paused", answered.reason or "the turn waits for a person")
    return answered

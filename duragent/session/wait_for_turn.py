"""Waiting for the answer to a message: feeds what a session commits to the fold `journal.answer`."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from duragent.bus import Block
from duragent.errors import DuragentError
from duragent.journal.answer import AnswerFold, TurnAnswer
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.watch import LogHead, Watched


class Followed(Protocol):
    """A session, as far as an answer needs it."""

    @property
    def state(self) -> SessionState: ...
    @property
    def problem(self) -> DuragentError | None:
        """Why the session gives no more records; None while it does."""
        ...

    def watch(self, after: int) -> AbstractAsyncContextManager[AsyncIterator[Watched]]: ...
    async def records(self, lines: bytes) -> list[Record]: ...


async def wait_for_turn(session: Followed, fold: AnswerFold, after: int) -> tuple[TurnAnswer | None, int]:
    """Watch the records after `after` until the turn has ended or stands still; None when the watch ends before.

    The second value is the seq of the newest record that the fold has taken.
    """
    async with session.watch(after) as items:
        async for item in items:
            if isinstance(item, Block):
                fold.take_all(await session.records(item.lines))
                after = item.last_seq
            if fold.ended is not None:
                return fold.ended, after
            if isinstance(item, LogHead) or after < session.state.seq:
                # A turn that stood still long ago may have gone on since; only the newest state tells.
                continue
            if (answer := fold.now_in(session.state)) is not None:
                return answer, after
            if session.problem is not None:
                break
    return None, after

"""A fork: a session that shares the past of another one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from duragent.clock import Clock
from duragent.errors import InvalidRequest
from duragent.journal.events import SessionCreated, SessionRenamed, TextForgotten
from duragent.journal.record import Record, timestamp
from duragent.journal.state import SessionState
from duragent.session.create import CreateKey, create_once, fingerprint
from duragent.session.sessions import Sessions
from duragent.transfer.log_copy import CopySource, LogCopy
from duragent.transfer.source import stored_blobs, stored_lines


@dataclass(frozen=True, slots=True)
class Fork:
    """A request for a session that shares the past of another one."""

    session_id: str
    """The session whose past is shared."""
    at: int | None = None
    """The last record that is shared; None: all of them."""
    title: str | None = None
    """The title of the fork; None: that of the other one, "" for none."""
    idempotency_key: str | None = None
    """Under the same key the same request makes one fork, also across a crash; None makes one each time."""


async def fork(sessions: Sessions, clock: Clock, request: Fork) -> tuple[SessionState, bool]:
    """The new session, and whether it was made before under the same key.

    What was under way at that record is wound up in the fork: nothing is run twice. Raises SessionNotFound,
    InvalidRequest.
    """
    key, mark = request.idempotency_key, fingerprint("fork", request.session_id, request.at, request.title)

    async def make(target: str) -> SessionState:
        state = await sessions.state(request.session_id)
        if state.seq == 0:
            raise InvalidRequest(
                f"session '{request.session_id}' has no record that can be read: there is nothing to share"
            )
        at = state.seq if request.at is None else request.at
        if not 1 <= at <= state.seq:
            problem = f"session '{request.session_id}' has the records 1 to {state.seq}, not {at}"
            raise InvalidRequest(problem)

        def first(created: SessionCreated) -> SessionCreated:
            about = {"parent": f"{request.session_id}@{at}", "idempotency_key": key, "fingerprint": mark}
            return created.model_copy(update=about)

        # Not in the first record, because the past may hold another title.
        titled = [] if request.title is None else [SessionRenamed(title=request.title or None)]
        by = CopySource("the session was forked", timestamp(clock.now()), sessions.node)
        forgotten = await _forgotten_behind(sessions, state, at)
        copying = LogCopy(request.session_id, target, by, first, [*forgotten, *titled])
        lines = _of_fork(copying, copying.lines(stored_lines(sessions, request.session_id, at)))
        return await sessions.adopt(target, lines, stored_blobs(sessions, request.session_id, copying))

    return await create_once(CreateKey(key, mark, clock.new_id("session")), sessions.state, make)


async def _forgotten_behind(sessions: Sessions, state: SessionState, at: int) -> list[TextForgotten]:
    """What was forgotten later of the shared records: the fork has it no more, and says so itself."""
    found = list[TextForgotten]()
    for seq in state.viewport.forgotten:
        for record in await _read(sessions, state, seq) if seq > at else ():
            if isinstance(event := record.event, TextForgotten):
                fields = tuple(each for each in event.fields if each.seq <= at)
                found += [event.model_copy(update={"fields": fields})] if fields else []
    return found


async def _read(sessions: Sessions, state: SessionState, seq: int) -> list[Record]:
    return await sessions.records(state.session_id, await sessions.read(state.session_id, seq - 1, 1))


async def _of_fork(copying: LogCopy, lines: AsyncIterator[Sequence[bytes]]) -> AsyncIterator[Sequence[bytes]]:
    async for block in lines:
        yield block
    if copying.closed_seq:
        before = f"{copying.source}@{copying.closed_seq - 1}"
        raise InvalidRequest(f"the session was closed at record {copying.closed_seq}: fork it before that, at {before}")
    if copying.state.parent is None:
        raise InvalidRequest("the beginning of this log was compacted away: it cannot be forked")

"""`/view`, `/pins`, `/goals`, `/summaries`: what stands for the older records of a session, and what stays in sight."""

from starlette.requests import Request
from starlette.responses import Response

from duragent.errors import NotFound, NothingToDo
from duragent.journal.inputs import EndGoal, ExpandSummary, Input, Pin, SetGoal, Unpin
from duragent.server.dependencies import Dependencies
from duragent.server.params import EndGoalQuery, body_of, query_of, session_id_of
from duragent.server.responses import answer
from duragent.wire import AimAt, PinRecord, SessionView, ShownGoal, ShownPin, ShownSummary

_MOST_DIGITS = 18


async def get_view(dependencies: Dependencies, request: Request) -> Response:
    return await _view(dependencies, session_id_of(request))


async def pin(dependencies: Dependencies, request: Request) -> Response:
    body = await body_of(request, PinRecord)
    posted = Pin(seq=body.seq, goals=tuple(dict.fromkeys(body.goals)), by=body.by or "http", reason=body.reason)
    return await _posted(dependencies, request, posted)


async def unpin(dependencies: Dependencies, request: Request) -> Response:
    """A record that is not pinned stays so: the answer to the first request may be lost."""
    seq = _seq_of(request)
    if seq > (await dependencies.sessions.state(session_id_of(request))).seq:
        raise NotFound(f"there is no record {seq}")
    try:
        return await _posted(dependencies, request, Unpin(seq=seq, by="http"))
    except NothingToDo:
        return await _view(dependencies, session_id_of(request))


async def set_goal(dependencies: Dependencies, request: Request) -> Response:
    body = await body_of(request, AimAt)
    return await _posted(dependencies, request, SetGoal(text=body.text, parent=body.parent, by=body.by or "http"))


async def end_goal(dependencies: Dependencies, request: Request) -> Response:
    outcome = query_of(request, EndGoalQuery).outcome
    return await _posted(dependencies, request, EndGoal(goal=request.path_params["goal"], outcome=outcome, by="http"))


async def expand(dependencies: Dependencies, request: Request) -> Response:
    return await _posted(dependencies, request, ExpandSummary(summary=_seq_of(request), by="http"))


def _seq_of(request: Request) -> int:
    seq = str(request.path_params["seq"])
    if not (seq.isascii() and seq.isdigit() and len(seq) <= _MOST_DIGITS):
        raise NotFound("the path must have the number of a record")
    return int(seq)


async def _posted(dependencies: Dependencies, request: Request, posted: Input) -> Response:
    await dependencies.sessions.post(session_id_of(request), posted)
    return await _view(dependencies, session_id_of(request))


async def _view(dependencies: Dependencies, session_id: str) -> Response:
    from duragent.session.view_inputs import pinned_text

    session = await dependencies.sessions.live.open(session_id)
    at = session.state.viewport.coverage
    view = SessionView(
        session_id=session_id,
        boundary=at.boundary,
        summaries=[
            ShownSummary(seq=each.seq, level=each.level, first_seq=each.first, last_seq=each.last, tokens=each.tokens)
            for each in at.frontier
        ],
        pins=[
            ShownPin(seq=each.seq, goals=list(each.goals), text=await pinned_text(session.log, each.since))
            for each in at.active_pins
        ],
        goals=[ShownGoal(goal=each.goal, parent=each.parent, text=each.text) for each in at.active_goals],
    )
    return answer(view)

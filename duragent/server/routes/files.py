"""`/diff`, `/undo` and `/commands`: what an agent changed in files, taking it back, and a person's own command."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from duragent.errors import InvalidRequest
from duragent.journal.inputs import RunCommand, Undo
from duragent.server.dependencies import Dependencies
from duragent.server.params import DiffQuery, UndoQuery, body_of, idempotency_key_of, misfit, query_of, session_id_of
from duragent.server.responses import answer, replayed
from duragent.server.routes.messages import accepted
from duragent.wire import (
    Accepted,
    ChangedTurn,
    FileDiff,
    FileLeft,
    SessionDiff,
    TypedCommand,
    Undone,
    UndoPlan,
    UndoTurn,
)

if TYPE_CHECKING:
    from duragent.session.file_diffs import ChangedFile


async def get_diff(dependencies: Dependencies, request: Request) -> Response:
    session_id, query = session_id_of(request), query_of(request, DiffQuery)
    session = await dependencies.sessions.live.open(session_id)
    found = await session.file_changes(query.first, query.last)
    turns = [
        ChangedTurn(
            turn=turn.turn, seq=turn.seq, files=list(dict.fromkeys(s.path for s in turn.steps)), undone=turn.undone
        )
        for turn in found.turns
    ]
    return answer(
        SessionDiff(
            session_id=session_id,
            first=found.first,
            last=found.last,
            files=[_file(file) for file in found.files],
            turns=turns,
            commands=found.commands,
            unsure=found.unsure,
        )
    )


async def get_undo(dependencies: Dependencies, request: Request) -> Response:
    session_id, query = session_id_of(request), query_of(request, UndoQuery)
    session = await dependencies.sessions.live.open(session_id)
    turn, files = await session.planned_undo(query.turn, force=query.force)
    return answer(UndoPlan(session_id=session_id, turn=turn.turn, seq=turn.seq, files=[_file(file) for file in files]))


async def undo(dependencies: Dependencies, request: Request) -> Response:
    """Returns when it is over; the same key asks for the end of the one that it began."""
    session_id, body = session_id_of(request), await body_of(request, UndoTurn)
    posted = Undo(turn=body.turn, by=body.by or "http", force=body.force, idempotency_key=idempotency_key_of(request))
    receipt = await dependencies.sessions.post(session_id, posted)
    session = await dependencies.sessions.live.open(session_id)
    ended = await session.undone(receipt.seq)
    undone = Undone(
        session_id=session_id,
        turn=ended.turn,
        seq=receipt.seq,
        restored=[file.path for file in ended.restored],
        refused=[FileLeft(path=file.path, why=file.why) for file in ended.refused],
    )
    return answer(undone, headers=replayed(receipt.duplicate))


async def run_command(dependencies: Dependencies, request: Request) -> Response:
    from duragent.tools.bash import sound_word

    session_id, body = session_id_of(request), await body_of(request, TypedCommand)
    try:
        command = sound_word(body.command)
    except ValueError as error:
        raise misfit("command", str(error)) from None
    if not command.strip():
        raise InvalidRequest("the body has the wrong shape: command: must not be blank")
    posted = RunCommand(command=command, by=body.by or "http", idempotency_key=idempotency_key_of(request))
    receipt = await dependencies.sessions.post(session_id, posted)
    return accepted(Accepted(session_id=session_id, message_id="", seq=receipt.seq), receipt.duplicate)


def _file(file: "ChangedFile") -> FileDiff:
    return FileDiff(path=file.path, change=file.change, diff=file.diff, note=file.note, refused=file.refused)

"""`duragent undo`: files as they were before a turn."""

from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_session
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.diffs import diff_lines, painted
from duragent.cli.loop import run
from duragent.cli.prompts import need_yes
from duragent.errors import InvalidRequest, NothingToUndo

if TYPE_CHECKING:
    from duragent.wire import Undone, UndoPlan


@options.at_server
def undo(
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID[@TURN]",
            help="A session's id, or any part of it that no other has; @TURN: a record of the turn, else the last one "
            "that changed files.",
            autocompletion=complete_session,
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only show what would be put back.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also files that were changed by others since; the log keeps what they are.")
    ] = False,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Put the files back that a turn of an agent changed with write_file and edit_file.

    A file that was changed by others since stays as it is. What commands changed is not known, and not taken back.
    """
    part, _, turn = session.partition("@")
    run(_undo(where, part, turn, _How(yes, dry_run, force, json)))


class _How:
    def __init__(self, yes: bool, dry_run: bool, force: bool, json: bool) -> None:
        self.yes, self.dry_run, self.force, self.json = yes, dry_run, force, json


async def _undo(where: Where, part: str, turn: str, how: _How) -> None:
    from duragent.client.client import new_key
    from duragent.wire import UndoTurn

    if how.json and not (how.yes or how.dry_run):
        raise InvalidRequest("--json does not ask: give --yes or --dry-run with it")
    async with connect(where) as connection:
        session_id = (await find_session(connection.client, part)).session_id
        plan = await connection.client.undo_plan(session_id, turn, force=how.force)
        if how.json and how.dry_run:
            view.print_json(plan.model_dump(mode="json"))
        if not how.json:
            show_plan(plan)
        if how.dry_run:
            return
        wanted = [file for file in plan.files if not file.refused]
        if not wanted:
            raise NothingToUndo("nothing was put back")
        if not how.yes:
            need_yes(f"Put {view.many(len(wanted), 'file')} back as before this turn?")
        # By its id: in the meantime another turn may have become the last one.
        body = UndoTurn(turn=plan.turn, force=how.force, by=view.person())
        undone = await connection.client.undo(session_id, body, key=new_key())
    if how.json:
        view.print_json(undone.model_dump(mode="json"))
    else:
        _say(undone)
    if undone.refused:
        raise typer.Exit(1)


def show_plan(plan: "UndoPlan") -> None:
    typer.echo(painted(f"Undo of the turn at record {plan.seq}:"))
    for file in plan.files:
        for line in diff_lines(file):
            typer.echo(painted(line))


def _say(undone: "Undone") -> None:
    if undone.restored:
        view.note(view.clean(f"Put back: {view.some(undone.restored)}."))
    for file in undone.refused:
        view.note(view.clean(f"{file.path} stays as it is: {file.why}."))

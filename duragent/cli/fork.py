"""`duragent fork`: another way on from the same past."""

from typing import Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_session
from duragent.cli.connection import Connection, Where, connect, find_session
from duragent.cli.logs import open_logs
from duragent.cli.loop import run
from duragent.cli.replay import split
from duragent.errors import Damaged, ProblemResponse


@options.at_server
def fork(
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID@SEQ",
            help="A session's id or a part that only it has; @SEQ, if given: share its past only up to it.",
            autocompletion=complete_session,
        ),
    ],
    title: Annotated[
        str | None, typer.Option("--title", "-t", metavar="TEXT", help="Else the title of the first one.")
    ] = None,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Begin a session that shares the past of another one, which stays as it is.

    The numbers of records are in `duragent session log`. What was under way there is not done again in the fork.
    """
    prefix, at = split(session)
    run(_fork(where, prefix, at, title, json))


async def _fork(where: Where, prefix: str, at: int | None, title: str | None, json: bool) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        try:
            forked = await connection.client.fork(session.session_id, at=at, title=title)
        except ProblemResponse as error:
            if error.problem != Damaged.code or at is not None:
                raise
            good = _last_good(connection, session.session_id)
            if good == 0:
                raise
            way = f"`duragent fork {session.session_id}@{good or 'N'}` shares the good ones"
            raise ProblemResponse(error.status, error.problem, f"{error.detail}; {way}") from error
    if json:
        view.print_json(forked.model_dump())
        return
    typer.echo(forked.session_id)
    typer.echo(f"Shares the past of {forked.parent}. Go on with: duragent attach {forked.session_id}", err=True)


def _last_good(connection: Connection, session_id: str) -> int | None:
    """The last record of a damaged session that can be shared, 0 for none; None when the files are elsewhere."""
    if connection.config is None:
        return None
    damage = open_logs(connection.config.sessions_dir).check(session_id).damage
    return None if damage is None else damage.shared_seq

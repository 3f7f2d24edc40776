"""`duragent fork`: another way on from the same past."""

from typing import Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.loop import run
from duragent.cli.replay import split


def fork(  # noqa: PLR0913 - typer: one parameter an option
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID[@SEQ]", help="A session's id or the start of one; @SEQ: share its past only up to that record."
        ),
    ],
    title: Annotated[str | None, typer.Option("--title", "-t", help="Else the title of the first one.")] = None,
    config: options.Config = None,
    workspace: options.Workspace = None,
    server: options.Server = None,
    token_file: options.TokenFile = None,
    json: options.Json = False,
) -> None:
    """Begin a session that shares the past of another one, which stays as it is.

    The numbers of records are in `duragent session log`. What was under way there is not done again in the fork.
    """
    prefix, at = split(session)
    run(_fork(Where(config, workspace, server, token_file), prefix, at, title, json))


async def _fork(where: Where, prefix: str, at: int | None, title: str | None, json: bool) -> None:
    async with connect(where) as connection:
        found = await find_session(connection.client, prefix)
        forked = await connection.client.fork(found.session_id, at=at, title=title)
    if json:
        view.print_json(forked.model_dump())
        return
    typer.echo(forked.session_id)
    typer.echo(f"Shares the past of {forked.parent}. Go on with: duragent attach {forked.session_id}", err=True)

"""`duragent attach`: back to a session: its last messages, then live."""

import sys
from typing import Annotated

import typer

from duragent.cli import options
from duragent.cli.chat.chat import converse
from duragent.cli.completions import complete_session
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.loop import run
from duragent.cli.session.session import show_list
from duragent.errors import InvalidRequest


@options.at_server
def attach(
    session_id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", help="The start of a session's id; else the list.", autocompletion=complete_session
        ),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", "-l", help="List the sessions to attach to.")] = False,
    *,
    where: Where,
    as_name: options.AsName = None,
) -> None:
    """Go back to a session: what was said last, then live."""
    if list_only or session_id is None:
        run(show_list(where, agent=None, status=None, limit=20, json=False))
    else:
        run(_attach(where, session_id, as_name))


async def _attach(where: Where, prefix: str, as_name: str | None) -> None:
    if not sys.stdin.isatty():
        raise InvalidRequest("attach needs a terminal; `duragent session log -f` follows a session in a pipe")
    async with connect(where) as connection:
        await converse(connection, await find_session(connection.client, prefix), as_name)

"""`duragent attach`: back to a session: its last messages, then live."""

import sys
from typing import Annotated

import typer

from duragent.cli import options, view
from duragent.cli.chat.chat import converse
from duragent.cli.completions import complete_session
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.loop import run
from duragent.cli.session.session import show_list
from duragent.cli.session_picker import last_session
from duragent.errors import InvalidRequest, NotFound


@options.at_server
def attach(
    session_id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="A session's id, or any part of it that no other has; else the session used last.",
            autocompletion=complete_session,
        ),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", "-l", help="List the sessions to attach to.")] = False,
    *,
    where: Where,
    as_name: options.AsName = None,
) -> None:
    """Go back to a session: what was said last, then live."""
    if list_only or (session_id is None and not view.at_terminal()):
        run(show_list(where, agent=None, status=None, limit=20, json=False))
    else:
        run(_attach(where, session_id, as_name))


async def _attach(where: Where, part: str | None, as_name: str | None) -> None:
    if not sys.stdin.isatty():
        raise InvalidRequest("attach needs a terminal; `duragent session log -f` follows a session in a pipe")
    async with connect(where) as connection:
        client = connection.client
        session = await last_session(client) if part is None else await find_session(client, part)
        if session is None:
            raise NotFound("there is no session to go back to; `duragent chat` begins one")
        agent = (await client.agents()).named(session.agent)
        await converse(connection, session, agent, as_name)

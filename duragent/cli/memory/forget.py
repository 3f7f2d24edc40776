"""`duragent memory forget`: a note is gone for good."""

import sys
from typing import Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run
from duragent.cli.memory.which import NoteArgument, World, find_note, named_agent
from duragent.cli.prompts import need_yes
from duragent.errors import InvalidRequest


@options.at_server
def forget(  # noqa: PLR0913 - typer: one parameter an option
    note: NoteArgument,
    agent: options.AgentOption = None,
    world: World = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the log.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Forget a note for good, with earlier versions of its file and the index; say where its words still stand."""
    if not (yes or sys.stdin.isatty()):
        raise InvalidRequest("forgetting is for good, and nobody can be asked without a terminal: --yes is needed")
    run(_forget(where, note, (agent, world), (reason, yes, json)))


async def _forget(where: Where, part: str, whose: tuple[str | None, bool], how: tuple[str, bool, bool]) -> None:
    reason, yes, json = how
    async with connect(where) as connection:
        name = await named_agent(connection, *whose)
        note = await find_note(connection.client, name, part)
        if not yes:
            need_yes(f'Forget {note.id}, "{view.one_line(note.text, 80)}", for good?')
        gone = await connection.client.forget_note(name, note.id, view.person(), reason)
    if json:
        view.print_json(gone.model_dump())
        return
    typer.echo(f"Forgotten {gone.note}")
    for sentence in gone.left:
        view.note(f"Left: {sentence}")

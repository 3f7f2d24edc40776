"""`duragent memory forget`: a note is gone for good."""

import sys
from typing import Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run
from duragent.cli.memory.which import World, find_note, named_agent
from duragent.cli.place import need_config
from duragent.cli.prompts import need_yes
from duragent.errors import InvalidRequest


@options.at_server
def forget(  # noqa: PLR0913 - typer: one parameter an option
    note: Annotated[str, typer.Argument(metavar="NOTE", help="The id of a note, or any part that no other has.")] = "",
    agent: options.AgentOption = None,
    world: World = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the log.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    check: Annotated[
        str, typer.Option("--check", metavar="WORDS", help="Only say which files of the workspace hold these words.")
    ] = "",
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Forget a note for good, with earlier versions of its file and the index; say where its words still stand."""
    if bool(note) == bool(check):
        raise InvalidRequest("say which note is to be forgotten, or --check WORDS")
    if check:
        _check(where, check, json)
        return
    if not (yes or sys.stdin.isatty()):
        raise InvalidRequest("forgetting is for good, and nobody can be asked without a terminal: --yes is needed")
    run(_forget(where, note, (agent, world), (reason, yes, json)))


def _check(where: Where, words: str, json: bool) -> None:
    from duragent.cli.memory.holding import files_holding

    if where.server:
        raise InvalidRequest("--check looks into the files of a workspace: leave --server out")
    found, unread = files_holding(need_config(where.config, where.workspace).workspace, words)
    if json:
        view.print_json({"found": [str(path) for path in found], "unread": [str(path) for path in unread]})
    else:
        for path in found:
            typer.echo(str(path))
        for path in unread:
            view.note(f"Not read: {path}")
        if not found:
            view.note(
                "No file of the workspace holds these words. Git history, exports and backups were not looked at."
            )
    if found or unread:
        raise typer.Exit(1)


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

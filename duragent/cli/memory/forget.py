"""`duragent memory forget`: notes are gone for good, and it is said what is left."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run
from duragent.cli.memory.which import NoteArgument, World, find_note, named_agent
from duragent.cli.place import need_config
from duragent.cli.prompts import need_yes
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.wire import ForgetMemory, ForgottenMemory, ForgottenNote

SHOWN = 5
"""So many notes are named in a sentence."""


@options.at_server
def forget(  # noqa: PLR0913 - typer: one parameter an option
    note: NoteArgument = "",
    person: Annotated[
        str, typer.Option("--person", metavar="ID", help="All notes that belong to this person, such as telegram-4711.")
    ] = "",
    match: Annotated[
        str, typer.Option("--match", metavar="WORDS", help="All notes with these words, in capitals or not.")
    ] = "",
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
    """Forget notes for good: in their files, in sessions that were given them, and in the index. Say what is left."""
    if [bool(each) for each in (note, person, match, check)].count(True) != 1:
        raise InvalidRequest("say which note is to be forgotten, or --person ID, --match WORDS or --check WORDS")
    if check:
        _check(where, check, json)
        return
    if not (yes or sys.stdin.isatty()):
        raise InvalidRequest("forgetting is for good, and nobody can be asked without a terminal: --yes is needed")
    from duragent.wire import ForgetMemory

    wish = ForgetMemory(person=person, match=match, by=view.person(), reason=reason)
    run(_forget(where, (note, wish), (agent, world), (yes, json)))


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


async def _forget(
    where: Where, what: "tuple[str, ForgetMemory]", whose: tuple[str | None, bool], how: tuple[bool, bool]
) -> None:
    (part, wish), (yes, json) = what, how
    gone: ForgottenNote | ForgottenMemory
    async with connect(where) as connection:
        client, name = connection.client, await named_agent(connection, *whose)
        if part:
            note = await find_note(client, name, part)
            asked = f'{note.id}, "{view.one_line(note.text, 80)}"'
        else:
            asked = _shown(await client.forget_memory(name, wish.model_copy(update={"dry_run": True})))
        if not yes:
            need_yes(f"Forget {asked}, for good?")
        if part:
            gone = await client.forget_note(name, note.id, wish.by, wish.reason)
        else:
            gone = await client.forget_memory(name, wish)
    if json:
        view.print_json(gone.model_dump())
        return
    typer.echo(f"Forgotten {note.id if part else asked}")
    for sentence in gone.left:
        view.note(f"Left: {sentence}")
    view.note("Left: exports and backups that were made before")


def _shown(gone: "ForgottenMemory") -> str:
    counted = view.counted([note.id for note in gone.notes], "note", SHOWN) if gone.notes else "no note"
    return f"{counted} and {view.many(gone.texts, 'text')} that had it" if gone.texts else counted

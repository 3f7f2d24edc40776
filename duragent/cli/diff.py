"""`duragent diff`: all that an agent changed in files, in a session or in a part of it."""

from typing import Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_session
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.diffs import beside, diff_lines, painted
from duragent.cli.loop import run
from duragent.cli.pager import page
from duragent.errors import InvalidRequest


@options.at_server
def diff(
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID[@A..@B]",
            help="A session's id, or any part of it that no other has; @A..@B: only what these records changed.",
            autocompletion=complete_session,
        ),
    ],
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Show what an agent changed in files with write_file and edit_file, as one diff.

    What commands changed is not known, and not part of it. In a pipe, `git apply` reads what is printed.
    """
    part, first, last = parts(session)
    run(_diff(where, part, first, last, json))


def parts(session: str) -> tuple[str, int | None, int | None]:
    """The id, A and B of `ID[@A..@B]`, of which A or B may be left out. Raises InvalidRequest."""
    part, found, between = session.partition("@")
    if not found:
        return part, None, None
    first, dots, last = between.partition("..")
    numbers = [number.removeprefix("@") for number in (first, last)]
    if not dots or not any(numbers) or any(n and not (n.isascii() and n.isdigit() and int(n[:18])) for n in numbers):
        raise InvalidRequest(f"'@{between[:40]}': write ID@A..@B, with numbers of records (`duragent session log`)")
    one, other = (int(number[:18]) if number else None for number in numbers)
    return part, one, other


async def _diff(where: Where, part: str, first: int | None, last: int | None, json: bool) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, part)
        found = await connection.client.diff(session.session_id, first=first, last=last)
    if json:
        view.print_json(found.model_dump(mode="json"))
        return
    lines = [line for file in found.files for line in diff_lines(file)]
    if view.on_terminal():
        for turn in found.turns:
            undone = ", undone" if turn.undone else ""
            typer.echo(painted(f"turn @{turn.seq}: {view.some(turn.files)}{undone}"))
        page([painted(line) for line in lines])
    else:
        typer.echo("".join(f"{line}\n" for line in lines), nl=False)
    if not lines:
        view.note("No file is different: the agent changed none with write_file or edit_file, or it was taken back.")
    for sentence in beside(found):
        view.note(sentence)

"""`duragent session redact`: take texts out of a session's log for good. Only for people: it is always asked first."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.loop import run
from duragent.cli.prompts import need_yes
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.wire import RedactSession

_SHOWN = 12
"""So many records are named in a question."""


@options.at_server
def redact(  # noqa: PLR0913 - each is an option of the command line
    session_id: options.SessionArgument,
    seqs: Annotated[
        list[int] | None, typer.Argument(metavar="SEQ…", min=1, help="Records whose texts go as a whole.")
    ] = None,
    match: Annotated[
        str, typer.Option("--match", metavar="WORDS", help="Words that go wherever they stand in the session.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the log.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say which records would change.")] = False,
    *,
    where: Where,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: options.Json = False,
) -> None:
    """Take texts out of a session for good: its log is written again without them. Its records stay."""
    if bool(match) == bool(seqs):
        raise InvalidRequest("say what is to go: the numbers of records, or --match WORDS")
    if not (yes or dry_run or sys.stdin.isatty()):
        raise InvalidRequest("this is for good, and nobody can be asked without a terminal: --yes or --dry-run")
    from duragent.wire import RedactSession

    wish = RedactSession(match=match, seqs=seqs or [], by=view.person(), reason=reason, dry_run=dry_run)
    run(_redact(where, session_id, wish, yes=yes, json=json))


async def _redact(where: Where, prefix: str, wish: "RedactSession", *, yes: bool, json: bool) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        found = await connection.client.redact(session.session_id, wish.model_copy(update={"dry_run": True}))
        if not (wish.dry_run or yes):
            need_yes(
                f"Redact {view.counted(found.seqs, 'record', _SHOWN)} of {session.session_id}, for good?", err=True
            )
        if not wish.dry_run:
            found = await connection.client.redact(session.session_id, wish)
    if json:
        view.print_json(found.model_dump())
        return
    counted = view.counted(found.seqs, "record", _SHOWN)
    typer.echo(f"{'Would redact' if wish.dry_run else 'Redacted'} {counted} of {session.session_id}")
    for left in found.left:
        view.note(f"Not taken away: {left}.")

"""`duragent session redact`: take texts out of a session's log for good. Only for people: it is always asked first."""

import sys
from typing import Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.loop import run
from duragent.cli.prompts import need_yes
from duragent.errors import InvalidRequest

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
    run(_redact(where, session_id, _Wish(tuple(seqs or ()), match, reason), dry_run=dry_run, yes=yes, json=json))


class _Wish:
    def __init__(self, seqs: tuple[int, ...], match: str, reason: str) -> None:
        self.seqs, self.match, self.reason = seqs, match, reason


async def _redact(where: Where, prefix: str, wish: _Wish, *, dry_run: bool, yes: bool, json: bool) -> None:
    from duragent.wire import RedactSession

    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        body = RedactSession(match=wish.match, seqs=list(wish.seqs), by=view.person(), reason=wish.reason, dry_run=True)
        found = await connection.client.redact(session.session_id, body)
        if not (dry_run or yes):
            need_yes(
                f"Redact {view.counted(found.seqs, 'record', _SHOWN)} of {session.session_id}, for good?", err=True
            )
        if not dry_run:
            found = await connection.client.redact(session.session_id, body.model_copy(update={"dry_run": False}))
    if json:
        view.print_json(found.model_dump())
        return
    counted = view.counted(found.seqs, "record", _SHOWN)
    typer.echo(f"{'Would redact' if dry_run else 'Redacted'} {counted} of {session.session_id}")
    for left in found.left:
        view.note(f"Not taken away: {left}.")

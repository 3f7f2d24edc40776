"""`duragent session list|show|log|verify|repair|export|import|redact|rename|delete|prune`."""

import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.loop import run
from duragent.cli.prompts import need_yes
from duragent.cli.session.archive import export, import_session
from duragent.cli.session.log import log
from duragent.cli.session.prune import prune
from duragent.cli.session.redact import redact
from duragent.cli.session.verify import repair, verify
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duragent.wire import SessionInfo

app = typer.Typer(
    help="See, read, verify, copy, redact, rename and delete sessions.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
app.command("log")(log)
app.command("verify")(verify)
app.command("repair")(repair)
app.command("prune")(prune)
app.command("redact")(redact)
app.command("export")(export)
app.command("import")(import_session)
SHOWN = 50
_NARROW = 70
"""Columns of a terminal below which a list leaves out the agent and the time."""
_API_STATUS: dict[str, str] = {
    "idle": "active",
    "working": "running",
    "waiting": "paused",
    "closed": "completed",
    "damaged": "damaged",
}
"""What people give to `--status`, as the API has it."""


def _api_status(word: str) -> str:
    """Takes the API's own words too."""
    if word not in _API_STATUS and word not in _API_STATUS.values():
        raise typer.BadParameter(f"'{word}' is none of {', '.join(_API_STATUS)}")
    return _API_STATUS.get(word, word)


@app.command("list")
@options.at_server
def list_sessions(
    *,
    where: Where,
    agent: options.AgentOption = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS", parser=_api_status, help=f"Only sessions that are so: {', '.join(_API_STATUS)}."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="COUNT", min=1, help="At most so many.")] = SHOWN,
    json: options.Json = False,
) -> None:
    """List sessions, the one used last first."""
    run(show_list(where, agent=agent, status=status, limit=limit, json=json))


async def show_list(where: Where, *, agent: str | None, status: str | None, limit: int, json: bool) -> None:
    async with connect(where) as connection:
        by_id: dict[str, SessionInfo] = {}
        cursor: str | None = None
        while len(by_id) < limit:
            page = await connection.client.sessions(
                agent=agent, status=status, limit=min(limit - len(by_id), 100), cursor=cursor
            )
            # A session that is read in the meantime may come on two pages.
            by_id |= {session.session_id: session for session in page.sessions}
            cursor = page.next_cursor
            if cursor is None:
                break
    sessions = list(by_id.values())
    view.say_unread(page.unread)
    if json:
        view.print_json([session.model_dump() for session in sessions])
        return
    _print_sessions(sessions)
    if cursor is not None and view.on_terminal():
        view.note(f"There are more than {limit}: --limit shows them.")


def _print_sessions(sessions: "Sequence[SessionInfo]") -> None:
    people_see_it = view.on_terminal()
    ids = [session.session_id for session in sessions]
    columns = ["SESSION", "AGENT", "STATUS", "UPDATED", "TITLE"]
    rows = [
        [shown, session.agent or "…", view.status_word(session), view.when(session.updated_at), _about(session)]
        for shown, session in zip(view.short_ids(ids) if people_see_it else ids, sessions, strict=True)
    ]
    if people_see_it and shutil.get_terminal_size().columns < _NARROW:
        columns, rows = columns[::2], [row[::2] for row in rows]
    view.print_table(columns, rows, "No sessions yet.")


def _about(session: "SessionInfo") -> str:
    about = view.title_of(session)
    return session.damage or (f"{about} (fork)".lstrip() if session.parent else about)


@app.command()
@options.at_server
def show(
    session_id: options.SessionArgument,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Show what is known about one session: agent, status, turns, tokens and cost."""
    run(_show(where, session_id, json))


async def _show(where: Where, prefix: str, json: bool) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
    if json:
        view.print_json(session.model_dump())
        return
    usage = session.usage
    cost = "" if not usage.cost_usd else f", ${usage.cost_usd:.4f}"
    for name, value in (
        ("session", session.session_id),
        ("title", session.title),
        ("agent", session.agent),
        ("status", view.status_word(session) + (" (read-only)" if session.damage else "")),
        ("waits for", session.waits_for),
        ("fork of", session.parent),
        ("created", view.when(session.created_at)),
        ("updated", view.when(session.updated_at)),
        ("turns", str(session.turns)),
        ("records", str(session.head)),
        ("tokens", f"{usage.prompt_tokens} in, {usage.completion_tokens} out{cost}"),
        ("lost", view.lost_attempts(session)),
        ("damage", session.damage),
    ):
        if value:
            typer.echo(
                f"{name}\t{view.one_line(value)}" if not view.on_terminal() else f"{name:<8} {view.one_line(value)}"
            )


@app.command()
@options.at_server
def rename(
    session_id: options.SessionArgument,
    title: Annotated[str, typer.Argument(help='The new title; "" removes it.')],
    *,
    where: Where,
) -> None:
    """Give a session a title."""
    run(_rename(where, session_id, title))


async def _rename(where: Where, prefix: str, title: str) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        renamed = await connection.client.rename_session(session.session_id, title)
    typer.echo(f"{renamed.session_id}\t{view.one_line(renamed.title)}")


@app.command()
@options.at_server
def delete(
    session_id: options.SessionArgument,
    *,
    where: Where,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a session and its log for good."""
    if not (yes or sys.stdin.isatty()):
        raise InvalidRequest("deleting is for good, and nobody can be asked without a terminal: --yes is needed")
    run(_delete(where, session_id, yes))


async def _delete(where: Where, prefix: str, yes: bool) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        title = f' "{view.one_line(session.title)}"' if session.title else ""
        if not yes:
            need_yes(f"Delete {session.session_id}{title}, {view.many(session.turns, 'turn')}, for good?")
        await connection.client.delete_session(session.session_id)
    typer.echo(f"Deleted {session.session_id}")

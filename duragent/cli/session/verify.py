"""`duragent verify`, `duragent session verify|repair`: is it whole, and if not, what can be saved?"""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_session
from duragent.cli.connection import Connection, Where, connect, find_session
from duragent.cli.logs import find_any, is_stream, open_logs, open_streams
from duragent.cli.loop import run
from duragent.cli.place import need_config
from duragent.cli.repair_stream import must_agree, repair_stream
from duragent.errors import NotDamaged, NotFound

if TYPE_CHECKING:
    from duragent.stores.reader import Checkup

DAMAGED_EXIT = 65


def verify(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID",
            help="Sessions or streams; else all of them.",
            autocompletion=complete_session,
        ),
    ] = None,
    config: options.Config = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Read every record and blob of sessions and streams, and say what is not whole. Needs no server."""
    settings = need_config(config, workspace)
    readers = (open_logs(settings.sessions_dir), open_streams(settings.workspace))
    named = [find_any(settings, prefix) for prefix in sessions or ()]
    of = {name: reader for reader, name in named} or {name: each for each in readers for name in each.stream_ids()}
    found = []
    for name in progress(list(of), "verifying"):
        try:
            found.append(of[name].check(name))
        except NotFound:
            # One that was deleted meanwhile is left out, unless it was named.
            if sessions:
                raise
    damaged = [each for each in found if not each.is_whole]
    if json:
        view.print_json([_fields(each) for each in found])
    else:
        shown = found if sessions else damaged
        rows = [(each.stream_id, str(each.records), str(each.blobs), _said(each)) for each in shown]
        if rows:
            view.print_table(("SESSION", "GOOD RECORDS", "BLOBS", "FOUND"), rows, "")
        records = sum(each.records for each in found)
        torn = sum(1 for each in found if each.is_whole and each.behind_bytes)
        tails = f"; {view.many(torn, 'torn tail')}, never acknowledged, will be cut off" if torn else ""
        told = f"{_counted(found)}, {view.many(records, 'record')}: {_sum(damaged)}{tails}."
        typer.echo(told, err=bool(rows))
        for each in damaged:
            typer.echo(view.clean(_remedy(each)), err=True)
        for session_id, note in ((each.stream_id, note) for each in found for note in each.notes):
            typer.echo(f"{session_id}: {view.one_line(note)}", err=True)
    raise typer.Exit(DAMAGED_EXIT if damaged else 0)


def progress(names: Sequence[str], what: str) -> Iterable[str]:
    """The names one after another, with a bar on a terminal when there are many."""
    if len(names) < 50 or not view.on_terminal(sys.stderr):
        return names
    from rich.console import Console
    from rich.progress import track

    return track(names, what, console=Console(stderr=True), transient=True)


def _counted(found: "Sequence[Checkup]") -> str:
    streams = sum(is_stream(each.stream_id) for each in found)
    sessions = view.many(len(found) - streams, "session")
    return f"{sessions} and {view.many(streams, 'stream')}" if streams else sessions


def _remedy(found: "Checkup") -> str:
    """What can be done about the damage."""
    if found.lost_blobs:
        return f"{found.stream_id}: only a backup has a lost blob; `duragent doctor` says what a fork saves"
    if not found.records:
        return f"{found.stream_id}: nothing is left to go on from; only a backup brings it back"
    return f"duragent session repair {found.stream_id}"


def _sum(damaged: "Sequence[Checkup]") -> str:
    return "all are whole" if not damaged else f"{len(damaged)} damaged"


def _said(found: "Checkup") -> str:
    if found.damage is not None:
        return f"{found.damage.file}:{found.damage.line}: {found.damage.problem}"
    if found.behind_bytes:
        return f"whole; a torn tail of {found.behind_bytes} bytes, never acknowledged, is cut off when it is opened"
    return "whole" + (f"; beside it: {', '.join(found.kept_aside)}" if found.kept_aside else "")


def _fields(found: "Checkup") -> dict[str, object]:
    damage = found.damage
    return {
        "session_id": found.stream_id,
        "whole": found.is_whole,
        "good_records": found.records,
        "blobs": found.blobs,
        "behind_bytes": found.behind_bytes,
        "kept_aside": list(found.kept_aside),
        "lost_blobs": found.lost_blobs,
        "notes": list(found.notes),
        "damage": damage and {"file": damage.file, "line": damage.line, "problem": damage.problem},
    }


@options.at_server
def repair(
    session_id: options.SessionArgument,
    *,
    where: Where,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Let a damaged session or stream go on behind its last good record. The rest is kept beside its log."""
    if is_stream(session_id):
        run(repair_stream(where, session_id, yes))
        return
    run(_repair(where, session_id, yes))


async def _repair(where: Where, prefix: str, yes: bool) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        typer.echo(view.one_line(session.problem or _problem(connection, session.session_id)), err=True)
        if not yes:
            # Asked only now: of a session that is whole there is nothing to ask.
            must_agree("session")
        repaired = await connection.client.repair(session.session_id)
        kept = open_logs(connection.config.sessions_dir).repaired(repaired.session_id) if connection.config else []
    typer.echo(f"{repaired.session_id} goes on behind its good records; it has {repaired.head} now.")
    for name in kept:
        typer.echo(f"Set aside: {name}", err=True)


def _problem(connection: Connection, session_id: str) -> str:
    """What the server has not noticed yet. Raises NotDamaged."""
    if connection.config is None:
        return "The server has found no damage yet; it looks once more."
    damage = open_logs(connection.config.sessions_dir).check(session_id).damage
    if damage is None:
        raise NotDamaged(session_id)
    return str(damage)

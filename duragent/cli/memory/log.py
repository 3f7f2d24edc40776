"""`duragent memory log|undo`: what was written and by whom, and taking it back."""

from typing import Annotated, Any

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_file
from duragent.cli.connection import Where, connect
from duragent.cli.diffs import painted
from duragent.cli.loop import run
from duragent.cli.memory.which import World, again, named_agent
from duragent.cli.prompts import need_yes
from duragent.errors import InvalidRequest

_PAGE = 500
_WORKINGS = ("owner_claimed", "log_recovered", "write_begun", "session_consumed")


@options.at_server
def log(
    agent: options.AgentOption = None,
    world: World = False,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="COUNT", min=1, help="At most so many.")] = 50,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Show what was written, reviewed and forgotten, and by whom; the newest last. It has no text of notes."""
    run(_log(where, agent, world, limit, json))


async def _log(where: Where, agent: str | None, world: bool, limit: int, json: bool) -> None:
    records: list[dict[str, Any]] = []
    before: int | None = None
    async with connect(where) as connection:
        name = await named_agent(connection, agent, world)
        while len(records) < limit:
            page = await connection.client.memory_log(name, before=before, limit=_PAGE)
            shown = [each for each in page.records if json or each["type"] not in _WORKINGS]
            records[:0] = shown
            if not page.records or (before := page.records[0]["seq"]) <= 1:
                break
    records = records[-limit:]
    if json:
        for record in records:
            view.print_json(record)
        return
    rows = [
        (str(each["seq"]), view.when(each["ts"]), what(each), each.get("note", ""), each.get("file", ""), who(each))
        for each in records
    ]
    view.print_table(("SEQ", "WHEN", "WHAT", "NOTE", "FILE", "BY"), rows, "Nothing was written yet.")
    if view.on_terminal() and any(each["type"] == "note_written" for each in records):
        view.note(f"Take the newest write back: {again(name, 'undo')}")


def what(record: dict[str, Any]) -> str:
    """What happened, in a word or two."""
    match record["type"]:
        case "note_written":
            return str(record["op"])
        case "note_reviewed":
            return "dropped" if not record.get("by") else f"review: {record['verdict']}"
        case "file_seen":
            return "changed" if record.get("sha256") else "removed"
        case other:
            return str(other).replace("_", " ")


def who(record: dict[str, Any]) -> str:
    """Who did it: a person, a call, or what is known of it."""
    if record["type"] == "file_seen":
        return {"person": "a person", "agent": "the agent"}.get(record["by"], "unknown")
    if cause := record.get("cause"):
        return view.record_cell(f"{cause['session']}#{cause['seq']}")
    if record.get("unattributed"):
        return "unknown"
    return str(record.get("person") or record.get("by") or "")


@options.at_server
def undo(  # noqa: PLR0913 - typer: one parameter an option
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="Such as MEMORY.md; else the newest.", autocompletion=complete_file),
    ] = None,
    agent: options.AgentOption = None,
    world: World = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only show what would be put back.")] = False,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Put a file of the memory back as it was before its newest write. Undo again takes that back."""
    if json and not (yes or dry_run):
        raise InvalidRequest("--json does not ask: give --yes or --dry-run with it")
    run(_undo(where, file, (agent, world), (yes, dry_run, json)))


async def _undo(where: Where, file: str | None, whose: tuple[str | None, bool], how: tuple[bool, bool, bool]) -> None:
    from duragent.wire import UndoMemory

    yes, dry_run, json = how
    async with connect(where) as connection:
        name = await named_agent(connection, *whose)
        plan = await connection.client.memory_undo_plan(name, file)
        if not json:
            for line in plan.diff.split("\n"):
                typer.echo(painted(line))
        if dry_run:
            if json:
                view.print_json(plan.model_dump())
            return
        if not yes:
            need_yes(f"Put {view.one_line(plan.file)} back?")
        body = UndoMemory(file=plan.file, seq=plan.seq, by=view.person())
        undone = await connection.client.undo_memory(name, body)
    if json:
        view.print_json(undone.model_dump())
        return
    typer.echo(f"{undone.file} is as it was before record {undone.seq}")

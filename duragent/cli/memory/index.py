"""`duragent memory index|sleep`: how the index is, and what work in the background has used."""

from typing import Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run
from duragent.cli.memory.which import again, named_agent
from duragent.errors import InvalidRequest


@options.at_server
def index(
    agent: options.AgentOption = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make it again from the notes.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Compare it with the notes, as without an option.")] = False,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Say whether the index has what the notes say. It is a cache, and may be deleted at any time.

    Exit code 1 when it differs; the next question brings it up to date.
    """
    if rebuild and check:
        raise InvalidRequest("--rebuild and --check: give only one of them")
    raise typer.Exit(run(_index(where, agent, rebuild, json)))


async def _index(where: Where, agent: str | None, rebuild: bool, json: bool) -> int:
    async with connect(where) as connection:
        name = await named_agent(connection, agent)
        client = connection.client
        found = await client.rebuild_index(name) if rebuild else await client.memory_index(name)
    if json:
        view.print_json(found.model_dump())
        return int(bool(found.problems))
    for problem in found.problems:
        typer.echo(view.one_line(problem))
    if not found.problems:
        by = f", vectors by {view.one_line(found.embedder)}" if found.embedder else ""
        typer.echo(f"The index {'was made again' if rebuild else 'has what the notes say'}: {found.rev[:12]}{by}")
    elif view.on_terminal():
        view.note(f"Make it again: {again(name, 'index --rebuild')}")
    return int(bool(found.problems))


@options.at_server
def sleep(
    agent: options.AgentOption = None,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Say what work in the background (summaries, vectors) has used today, and may use."""
    run(_sleep(where, agent, json))


async def _sleep(where: Where, agent: str | None, json: bool) -> None:
    async with connect(where) as connection:
        work = await connection.client.memory_work(await named_agent(connection, agent))
    if json:
        view.print_json(work.model_dump())
        return
    typer.echo(f"{work.day}\t{work.tokens:,} of {work.tokens_per_day:,} tokens")
    typer.echo(f"{work.day}\t{view.dollars(work.cost_usd)} of {view.dollars(work.cost_usd_per_day)}")
    rows = [
        (
            job.kind,
            view.session_cell(job.session or ""),
            f"{job.estimate_tokens:,}",
            "lost with its server" if job.lost else "under way",
        )
        for job in work.jobs
    ]
    if rows:
        view.print_table(("WORK", "SESSION", "TOKENS AT MOST", "STATUS"), rows, "")

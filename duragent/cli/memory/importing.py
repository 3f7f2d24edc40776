"""`duragent memory import`: what v0.5, or another program, remembered comes into an agent's memory.

The law: the source is read here, and only read; the server, which is the one writer of memories, takes it in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run
from duragent.cli.memory.which import again, named_agent

if TYPE_CHECKING:
    from duragent.transfer.memories.base import Brought, BroughtFile, BroughtNote, NotTaken
    from duragent.wire import ImportedFile, ImportMemory

BATCH_CHARS = 250_000
"""About so much text goes into one request; a file goes whole. Escaped as JSON it is within what a server takes."""
_Part = TypeVar("_Part", "BroughtFile", "BroughtNote")
_WORDS = {"written": "written", "merged": "merged", "there": "is here already", "conflict": "conflict"}


@options.at_server
def import_memories(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A memory folder, or a memory.db of Anima.")],
    agent: options.AgentOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Take in what v0.5 or Anima remembered: a memory folder (MEMORY.md, daily/, world/), or a memory.db.

    Nothing that is here is overwritten, the source is not changed, and a second import adds nothing. Exit code 1 when
    something could not be taken.
    """
    from duragent.transfer.memories.sources import read_source

    # Before a server is started: most slips are in the path.
    brought = read_source(path)
    raise typer.Exit(run(_import(where, agent, brought, (dry_run, json))))


async def _import(where: Where, agent: str | None, brought: "Brought", how: tuple[bool, bool]) -> int:
    dry_run, json = how
    async with connect(where) as connection:
        name = await named_agent(connection, agent)
        taken: dict[str, ImportedFile] = {}
        for request in _requests(brought, dry_run):
            for each in (await connection.client.import_memory(name, request)).files:
                taken[each.file] = _together(taken.get(each.file), each)
    if json:
        left = [asdict(each) for each in brought.not_taken]
        files = [each.model_dump() for each in taken.values()]
        view.print_json({"kind": brought.kind, "agent": name, "dry_run": dry_run, "files": files, "not_taken": left})
    else:
        view.print_table(("PART", "OUTCOME", "NEW", "HERE", "WHY"), _rows(taken.values(), brought.not_taken), "")
        _say(taken.values(), brought, name, dry_run=dry_run)
    wrong = any(each.why for each in taken.values()) or any(each.is_fault for each in brought.not_taken)
    return int(wrong or not taken)


def _requests(brought: "Brought", check: bool) -> "Iterator[ImportMemory]":
    from duragent.wire import ImportFile, ImportMemory, ImportNote

    by = view.person()
    for files in _batches(brought.files):
        yield ImportMemory(files=[ImportFile(file=each.file, text=each.text) for each in files], check=check, by=by)
    for notes in _batches(brought.notes):
        asked = [
            ImportNote(
                id=each.id,
                text=each.text,
                written_at=each.written_at,
                importance=each.importance_milli / 1000,
                source=each.source,
            )
            for each in notes
        ]
        yield ImportMemory(notes=asked, check=check, by=by)


def _batches(parts: "Iterable[_Part]") -> "Iterator[list[_Part]]":
    batch: list[_Part] = []
    size = 0
    for part in parts:
        if batch and size + len(part.text) > BATCH_CHARS:
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += len(part.text) + 200
    if batch:
        yield batch


def _together(first: "ImportedFile | None", second: "ImportedFile") -> "ImportedFile":
    """One row of a file to which notes came with two requests."""
    if first is None:
        return second
    outcome = "conflict" if "conflict" in (first.outcome, second.outcome) else first.outcome
    sums = {"added": first.added + second.added, "there": first.there + second.there}
    return second.model_copy(update={"outcome": outcome, "why": first.why or second.why, **sums})


def _rows(taken: "Iterable[ImportedFile]", left: "Iterable[NotTaken]") -> list[tuple[str, ...]]:
    rows = [(each.file, _WORDS[each.outcome], str(each.added), str(each.there), each.why) for each in taken]
    return [*rows, *((each.what, "fault" if each.is_fault else "left out", "", "", each.why) for each in left)]


def _say(taken: "Iterable[ImportedFile]", brought: "Brought", name: str, *, dry_run: bool) -> None:
    rows = list(taken)
    if not rows:
        view.note(f"A {brought.kind}: nothing of it is a memory, and nothing was taken.")
        return
    would = "would come" if dry_run else "came"
    added, there = sum(each.added for each in rows), sum(each.there for each in rows)
    view.note(f"A {brought.kind}: {view.many(added, 'note')} {would} to agent {name}, {there:,} were there already.")
    if dry_run:
        view.note("Nothing was written: leave out --dry-run to do it.")
    elif added:
        view.note(f"See them: {again(name, 'list')}")

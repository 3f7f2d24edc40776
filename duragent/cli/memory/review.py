"""`duragent memory review`: a person decides about notes that wait, one after another.

What stands in them comes from elsewhere: it is shown cleaned, and nothing decides but a key.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_note
from duragent.cli.connection import Where, connect
from duragent.cli.diffs import painted
from duragent.cli.loop import run
from duragent.cli.memory.which import World, again, find_note, named_agent
from duragent.cli.prompts import prompt
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.client.client import Client
    from duragent.wire import NoteInfo

_MOST = 200
_INSTEAD = "a review is made at a terminal"
_KEYS = ("y", "n", "e", "s", "q")


@options.at_server
def review(
    note: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Only this one; else all that wait.", autocompletion=complete_note),
    ] = None,
    agent: options.AgentOption = None,
    world: World = False,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Decide about notes that wait for you: what an agent wrote after it had read something from outside.

    Keep makes a note yours, forget removes it for good, edit opens it in $EDITOR first. --json only lists what waits.
    """
    if not json and not view.at_terminal():
        raise InvalidRequest("a review needs a terminal; `duragent memory list --waiting` shows what waits")
    run(_review(where, note, agent, world, json))


async def _review(where: Where, part: str | None, agent: str | None, world: bool, json: bool) -> None:
    async with connect(where) as connection:
        name = await named_agent(connection, agent, world)
        if part:
            waiting = [await find_note(connection.client, name, part)]
            if not waiting[0].waits_since and waiting[0].trust != "unreviewed":
                raise InvalidRequest(f"{waiting[0].id} does not wait for a review")
        else:
            waiting = (await connection.client.notes(name, trust="unreviewed", limit=_MOST)).notes[::-1]
        if json:
            view.print_json([note.model_dump() for note in waiting])
            return
        if not waiting:
            typer.echo("Nothing waits for you.")
        for number, note in enumerate(waiting, 1):
            if not await _decide(connection.client, name, note, f"[{number}/{len(waiting)}]"):
                view.note(f"The rest waits: {again(name, 'review')}")
                return


async def _decide(client: "Client", agent: str, note: "NoteInfo", number: str) -> bool:
    """Show one note, ask, and do it; False when the person leaves."""
    from duragent.wire import ReviewNote

    for line in lines_of(note, number):
        typer.echo(line)
    key = ""
    while key not in _KEYS:
        asked = prompt("[y] keep  [n] forget  [e] edit  [s] later  [q] leave", _INSTEAD, prompt_suffix=" ")
        key = str(asked).strip().lower()[:1]
    if key in "sq":
        return key == "s"
    said: dict[str, Any] = {"by": view.person(), "proposes_sha256": note.proposes_sha256}
    if key == "e":
        text = _edited(note.text)
        if text is None:
            typer.echo("Nothing was changed, so it still waits.")
            return True
        body = ReviewNote(verdict="edit", text=text, **said)
    else:
        body = ReviewNote(verdict="keep" if key == "y" else "forget", **said)
    done = await client.review_note(agent, note.id, body)
    typer.echo(f"Kept in {view.one_line(done.file)}" if done.file else "Forgotten.")
    return True


def _edited(text: str) -> str | None:
    """What the person makes of it in their editor; None when they leave it as it is, or empty."""
    import click

    edited = click.edit(text, extension=".md")
    return edited if edited is not None and edited.strip() and edited.strip() != text.strip() else None


def lines_of(note: "NoteInfo", number: str) -> list[str]:
    """A note as a person sees it who decides: where it comes from, and its words or what they would change."""
    facts = ", ".join(fact for fact in (view.record_cell(note.source or ""), view.when(note.waits_since or "")) if fact)
    origin = view.one_line(note.origin or "something from outside", 120)
    head = f"{number} {note.id} from {origin}{f' ({view.one_line(facts)})' if facts else ''}"
    scope = "" if note.scope == "owner" else f"It is for {view.one_line(note.scope)}."
    lines = [view.paint(head, "strong"), *([scope] if scope else [])]
    if note.proposes:
        lines.append(f"It wants to change {view.one_line(note.proposes)}:")
        changes = note.diff.split("\n") if note.diff else ["nothing: the file says this already"]
        return [*lines, *(f"  {painted(line)}" for line in changes), ""]
    return [*lines, *(f"  {line}" for line in view.clean(note.text).split("\n")), ""]

"""`duragent memory list|show|add|search`: notes, as they are and as a question finds them."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_file, complete_note
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run
from duragent.cli.memory.which import NoteArgument, World, again, find_note, named_agent
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.wire import FoundNote, NoteInfo, NoteList, NoteSearch

SHOWN = 50
_READ_BYTES = 1 << 20
"""Of a pipe that may have no end; a note is far shorter."""
_PAGE = 200
TRUST = {"owner": "you said it", "agent": "agent", "unreviewed": "waits for you"}
"""Who vouches for a note, in words."""
WHY = {
    "below_threshold": "fits too little",
    "unreviewed": "waits for you",
    "superseded": "replaced",
    "copy": "says the same",
    "unimportant": "of little importance",
    "limit": "more than --limit",
    "budget": "too long",
}
"""Why a model is not shown a note, in the words of a table; a search without a session finds no other reasons."""


@options.at_server
def list_notes(  # noqa: PLR0913 - typer: one parameter an option
    agent: options.AgentOption = None,
    world: World = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what waits for you.")] = False,
    file: Annotated[
        str | None, typer.Option("--file", metavar="NAME", help="Only of this file.", autocompletion=complete_file)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="COUNT", min=1, help="At most so many.")] = SHOWN,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """List what an agent remembers, the newest first."""
    run(_list(where, agent, world, (file, "unreviewed" if waiting else None, limit, json)))


async def _list(where: Where, agent: str | None, world: bool, how: tuple[str | None, str | None, int, bool]) -> None:
    file, trust, limit, json = how
    async with connect(where) as connection:
        name = await named_agent(connection, agent, world)
        notes: list[NoteInfo] = []
        while len(notes) < limit:
            most = min(limit - len(notes), _PAGE)
            page = await connection.client.notes(name, file=file, trust=trust, limit=most, skip=len(notes))
            notes += page.notes
            if not page.notes or len(notes) >= page.total:
                break
    if json:
        view.print_json([note.model_dump() for note in notes])
        return
    rows = [(note.id, written(note), TRUST[note.trust], note.file, view.one_line(note.text, 200)) for note in notes]
    view.print_table(("NOTE", "WRITTEN", "WHO", "FILE", "TEXT"), rows, _nothing(name, file, trust))
    _say_more(name, page, len(notes))


def _nothing(agent: str, file: str | None, trust: str | None) -> str:
    if trust:
        return "Nothing waits for you."
    if file:
        return f"No note stands in {view.one_line(file, 80)}: `{again(agent, 'list')}` says which files there are."
    return f"Nothing is remembered yet: `{again(agent, 'add')} TEXT` writes a note."


def _say_more(agent: str, page: "NoteList", shown: int) -> None:
    for fault in page.faults:
        view.note(f"Left out: {fault}")
    if not view.on_terminal():
        return
    if page.total > shown:
        view.note(f"There are {page.total:,}: --limit shows more of them.")
    if page.waiting:
        view.note(f"{view.waiting_notes(page.waiting)}: {again(agent, 'review')}")


@options.at_server
def show(
    note: NoteArgument,
    agent: options.AgentOption = None,
    world: World = False,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Show one note: its text, where it stands, who wrote it and who vouches for it."""
    run(_show(where, note, agent, world, json))


async def _show(where: Where, part: str, agent: str | None, world: bool, json: bool) -> None:
    async with connect(where) as connection:
        name = await named_agent(connection, agent, world)
        note = await find_note(connection.client, name, part)
    if json:
        view.print_json(note.model_dump())
        return
    for label, value in facts(note):
        line = f"{label:<11} {view.one_line(value)}" if view.on_terminal() else f"{label}\t{view.one_line(value)}"
        typer.echo(line)
    typer.echo("")
    typer.echo(view.clean(note.diff or note.text))
    if note.waits_since and view.on_terminal():
        view.note(f"\nDecide: {again(name, 'review', note.id)}")


def facts(note: "NoteInfo") -> list[tuple[str, str]]:
    """What is known of a note besides its text, each with its name."""
    found = (
        ("note", note.id),
        ("file", f"{note.file}:{note.line}"),
        ("under", note.heading),
        ("belongs to", "" if note.scope == "owner" else note.scope),
        ("written", view.when(note.written_at or "")),
        ("changed", view.when(note.file_changed_at or "")),
        ("who", TRUST[note.trust]),
        ("importance", f"{note.importance:.2f}"),
        ("call", view.record_cell(note.source or "")),
        ("from", note.origin or ""),
        ("waits since", view.when(note.waits_since or "")),
        ("proposes", note.proposes or ""),
        ("replaces", note.replaces or ""),
        ("replaced by", note.superseded_by or ""),
    )
    return [(label, value) for label, value in found if value]


@options.at_server
def add(  # noqa: PLR0913 - typer: one parameter an option
    text: Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="What to remember; else stdin.")] = None,
    agent: options.AgentOption = None,
    world: World = False,
    importance: Annotated[
        float, typer.Option("--importance", metavar="NUMBER", min=0, max=1, help="From 0 to 1.")
    ] = 0.5,
    replaces: Annotated[
        str,
        typer.Option(
            "--replaces",
            metavar="ID",
            help="The note that this one takes the place of.",
            autocompletion=complete_note,
        ),
    ] = "",
    topic: Annotated[
        str, typer.Option("--topic", metavar="NAME", help="With --world: the topic that gets a paragraph more.")
    ] = "",
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Write a note of yours; it counts as said by you."""
    words = _note_text(" ".join(text).encode(errors="surrogateescape") if text else _piped())
    if world != bool(topic):
        raise InvalidRequest("--world and --topic go together: what all agents share is written by topic")
    run(_add(where, agent, words, (importance, replaces, topic, json)))


def _piped() -> bytes:
    return b"" if sys.stdin.isatty() else sys.stdin.buffer.read(_READ_BYTES)


def _note_text(data: bytes) -> str:
    """The text of a note. Raises InvalidRequest for what can be none."""
    from duragent.memory.notes import MAX_NOTE_BYTES

    if len(data) > MAX_NOTE_BYTES:
        most = f"a note has at most {MAX_NOTE_BYTES:,} bytes"
        raise InvalidRequest(f"{most}, and this is longer: make several notes of it, or write it into a file of yours")
    try:
        words = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidRequest(f"line {line} of the note is not UTF-8 text: give it as UTF-8") from None
    if not words.strip():
        raise InvalidRequest("there is nothing to remember: give the text, or pipe it in")
    return words


async def _add(where: Where, agent: str | None, text: str, how: tuple[float, str, str, bool]) -> None:
    from duragent.wire import AddNote

    importance, replaces, topic, json = how
    async with connect(where) as connection:
        name = await named_agent(connection, agent, bool(topic))
        if replaces:
            replaces = (await find_note(connection.client, name, replaces)).id
        body = AddNote(text=text, importance=importance, replaces=replaces, topic=topic, by=view.person())
        note = await connection.client.add_note(name, body)
    if json:
        view.print_json(note.model_dump())
        return
    typer.echo(f"{note.id}\t{note.file}" if not view.on_terminal() else f"Remembered as {note.id} in {note.file}")


@options.at_server
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="A question, or some words of the note.")],
    agent: options.AgentOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="COUNT", min=1, max=50, help="At most so many.")] = 10,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Find notes as a question of yours would, with the reason where a model is not shown one."""
    run(_search(where, agent, " ".join(words), limit, json))


async def _search(where: Where, agent: str | None, words: str, limit: int, json: bool) -> None:
    if not words.strip():
        raise InvalidRequest("there is nothing to look for: give some words")
    async with connect(where) as connection:
        name = await named_agent(connection, agent)
        found = await connection.client.search_notes(name, words, limit)
    if json:
        view.print_json(found.model_dump())
        return
    rows = [
        (f"{note.score:.2f}", view.record_cell(note.id), written(note), _place(note), _why(note), note.text)
        for note in found.notes
    ]
    columns = ("SCORE", "NOTE", "WRITTEN", "FILE", "NOT SHOWN", "TEXT")
    view.print_table(columns, [(*row[:5], view.one_line(row[5], 200)) for row in rows], _silence(found))
    if view.on_terminal() and found.notes:
        by = found.embedder or "no embedder: words find words"
        view.note(f"{found.took_ms} ms, {view.many(found.indexed, 'piece')} in the index, {by}")


def written(note: "NoteInfo") -> str:
    """When, for a table's cell; of a note without a time, when its file was changed last."""
    return view.when(note.written_at or note.file_changed_at or "")


def _place(note: "FoundNote") -> str:
    """The file; of what was said in a session, the session."""
    return view.session_cell(note.file) if "#" in note.id else note.file


def _why(note: "FoundNote") -> str:
    return WHY.get(note.left_out, note.left_out) if note.left_out else ""


def _silence(found: "NoteSearch") -> str:
    if found.silent == "late":
        return "The index is being made: try again in a moment."
    return "No note has a word of it. Words find words; MEMORY.md, other words or an embedder find more."

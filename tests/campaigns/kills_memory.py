"""An agent that remembers, used while its server ends again and again, and what must hold of its notes at the end."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli.memory.holding import files_holding
from duragent.client.client import Client
from duragent.errors import ProblemResponse, SessionNotFound
from duragent.journal.events import HistorySummarised
from duragent.memory.base import Cause, NewNote
from duragent.memory.folder import FileText, MemoryFolder
from duragent.memory.notes import UNREVIEWED
from duragent.memory.writes import call_note_id, planned_note, with_note
from duragent.stores.files.disk import Disk
from duragent.wire import AddNote, RedactSession, ReviewNote, SendMessage
from tests.support.house import write_agent
from tests.support.real_server import is_idle
from tests.support.until import until

if TYPE_CHECKING:
    from tests.campaigns.kills_world import World

KEEPER = "keeper"
_REST = """\
  session: {context: {max_history_tokens: 1500, summaries: model}}
  memory: {sleep: {model: cheap}}
  tools: [{type: builtin, name: bash}, {type: builtin, name: read_file}]"""
_CHEAP = "apiVersion: duragent/v1alpha1\nkind: Model\nspec: {provider: demo}\n"
SECONDS = 400.0
"""A wait may go over many lives; that each of these ends is the story's care."""
WAITING = 100
"""So many notes wait for a person, who decides about two in a round."""
_WORDS = "words " * 600


def add_keeper(workspace: Path) -> None:
    """An agent whose window is small, and a model that writes its summaries."""
    write_agent(workspace / "agents", KEEPER, _REST)
    (workspace / "models").mkdir()
    (workspace / "models" / "cheap.yaml").write_text(_CHEAP)
    folder, now = MemoryFolder(workspace / "agents" / KEEPER / "memory", UTC, Disk()), datetime.now(UTC)
    folder.root.mkdir()
    text = ""
    for number in range(WAITING):
        new = NewNote(f"page {number} says so", trust="unreviewed", cause=Cause("session_1", number, f"c{number}"))
        text = with_note(FileText(UNREVIEWED, text, ""), planned_note(new, call_note_id(new), now), now, UTC) or text
    folder.write(UNREVIEWED, text, "")


async def remember(world: World, client: Client, name: str) -> None:
    """Notes of a person and of the agent, of which some are forgotten; one that waits; a session that is redacted."""
    told = world.told
    kept, gone, own = f"{name} keeps bees", f"{name} hides it below the {name} stone", f"{name} likes the colour {name}"
    await client.add_note(KEEPER, AddNote(text=kept, by="a person"), key=f"{name}kept")
    told.notes.append(kept)
    secret = await client.add_note(KEEPER, AddNote(text=gone, by="a person"), key=f"{name}gone")
    session = await world.create(client, name, KEEPER)
    for number, text in enumerate(
        (
            f"where does {name} hide it?",
            f"remember that {own}",
            f"run `./do {name}`",
            "read notes.txt",
            *(f"count to 1 {_WORDS}" for _ in range(3)),
        )
    ):
        await world.say(client, session, text, f"{name}{number}")
        await world.quiet(client, session)
    told.notes.append(own)
    await _decide(world, client)
    [mine] = [note for note in (await client.notes(KEEPER, trust="owner")).notes if note.text == own]
    told.notes.remove(own)
    forget = json.dumps({"action": "forget", "id": mine.id})
    await world.say(client, session, f"use memory with {forget}", f"{name}forget")
    await world.quiet(client, session)
    await client.forget_note(KEEPER, secret.id, "a person")
    await _redact(client, name, gone)
    told.gone.append(gone)


async def _redact(client: Client, name: str, words: str) -> None:
    """A session in which a person says them; then they are taken out of it."""
    session = (await client.create_session(KEEPER, name, key=f"{name}said")).session_id
    await client.post_message(session, SendMessage(content=f"repeat {words}"), key=f"{name}said")
    await until(lambda: is_idle(client, session), bound=SECONDS)
    await _once(client.redact(session, RedactSession(match=words, by="a person")))


async def _decide(world: World, client: Client) -> None:
    """A person keeps two of the notes that wait."""
    for note in (await client.notes(KEEPER, trust="unreviewed")).notes[:2]:
        await client.review_note(KEEPER, note.id, ReviewNote(verdict="keep", by="a person"))
        world.told.notes.append(note.text)


async def _once(asked: Awaitable[object]) -> None:
    """There may be nothing left to do: nothing was, or a server did it and died."""
    try:
        await asked
    except ProblemResponse as error:
        if error.problem != "nothing-to-redact":
            raise


def memory_must_hold(world: World) -> None:
    """Behind the last, orderly stop: each note is there once, what was forgotten is nowhere, summaries tell each
    record once."""
    told, workspace = world.told, world.server.workspace
    folder = workspace / "agents" / KEEPER / "memory"
    texts = [path.read_text() for path in folder.rglob("*.md")]
    for note in told.notes:
        assert sum(text.count(note) for text in texts) == 1, f"{note!r} is not there once"
    for note in told.gone:
        assert files_holding(workspace, note) == ([], []), f"{note!r} is still there"
    for session in told.sessions:
        with suppress(SessionNotFound):
            _told_once(world, session)


def _told_once(world: World, session: str) -> None:
    events = [record.event for record in world.server.records(session)]
    found = [event for event in events if isinstance(event, HistorySummarised) and event.level == 1]
    covered = [seq for event in found for seq in range(event.first_seq, event.last_seq + 1)]
    assert covered == list(range(1, len(covered) + 1)), f"{session}: summaries cover {covered}"

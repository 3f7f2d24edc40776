"""Whose memory a command means, and which note of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli.completions import complete_note
from duragent.cli.connection import Connection, choose_agent
from duragent.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from duragent.client.client import Client
    from duragent.wire import NoteInfo

WORLD_NAME = "worldMemory"
"""Stands for the agent in the API where the memory that all agents share is meant."""
SHOWN_MATCHES = 5

World = Annotated[bool, typer.Option("--world", help="What all agents share.")]
NoteArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="A note's id, or any part of it that no other has.", autocompletion=complete_note
    ),
]


async def named_agent(connection: Connection, agent: str | None, world: bool = False) -> str:
    """The name in the API: of the agent that is given or usual, or of what all share. Raises as `choose_agent`."""
    if world:
        if agent is not None:
            raise InvalidRequest("--agent and --world: give only one of them")
        return WORLD_NAME
    known = await connection.client.agents()
    if agent is None and len(remember := [each.name for each in known.agents if each.remembers]) == 1:
        return remember[0]
    return choose_agent(known, agent)


async def find_note(client: "Client", agent: str, part: str) -> "NoteInfo":
    """The only note whose id has that part, with all that is known of it. Raises NotFound, InvalidRequest."""
    listed = await client.notes(agent, match=part.lower(), limit=SHOWN_MATCHES)
    exact = [note for note in listed.notes if note.id in (part, f"m_{part}")] or listed.notes
    if not part or not exact:
        raise NotFound(f"no note '{part[:40]}' is there: `{again(agent, 'list')}` shows what there is")
    if len(exact) > 1:
        ids = ", ".join(note.id for note in exact)
        raise InvalidRequest(f"'{part[:40]}' fits {listed.total} notes: {ids}")
    return await client.note(agent, exact[0].id)


def again(agent: str, words: str, note: str = "") -> str:
    """The command that comes next, with the options that this one had."""
    of = " --world" if agent == WORLD_NAME else f" -a {agent}"
    return f"duragent memory {words}{f' {note}' if note else ''}{of}"

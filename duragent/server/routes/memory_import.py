"""`/agents/{name}/memory/import`: what another program remembered, as a client has read it."""

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from duragent.errors import InvalidRequest, MemoryFull
from duragent.server.dependencies import Dependencies
from duragent.server.memories import WORLD_NAME, memories_of
from duragent.server.params import body_of, misfit
from duragent.server.responses import answer
from duragent.text import without_surrogates
from duragent.wire import ImportedFile, ImportedMemory, ImportMemory

if TYPE_CHECKING:
    from duragent.transfer.memories.base import Brought


async def import_memory(dependencies: Dependencies, request: Request) -> Response:
    from duragent.transfer.memories.take_in import plan_all, take_in

    name, body = str(request.path_params["name"]), await body_of(request, ImportMemory)
    if name == WORLD_NAME:
        raise InvalidRequest("an import is for one agent; files of `world/` in it come to what all agents share")
    minds, brought = memories_of(dependencies, name).minds(), _brought(body)
    if body.check:
        own, world = (await minds.of(name)).folder, (await minds.world()).folder
        taken = await asyncio.to_thread(plan_all, own, world, brought)
    else:
        taken = await take_in(minds, name, brought, body.by or "http")
    return answer(
        ImportedMemory(
            files=[
                ImportedFile(file=each.file, outcome=each.outcome, added=each.added, there=each.there, why=each.why)
                for each in taken
            ]
        )
    )


def _brought(body: ImportMemory) -> "Brought":
    """The body as the importer knows it. Raises InvalidRequest, MemoryFull."""
    from duragent.memory.notes import MAX_NOTE_BYTES, cleaned
    from duragent.transfer.memories.base import Brought, BroughtFile, BroughtNote

    if body.files and body.notes:
        raise misfit("notes", "cannot be together with `files`: send two requests")
    if len({each.file for each in body.files}) < len(body.files):
        raise misfit("files", "names one file twice")
    files = tuple(BroughtFile(each.file, without_surrogates(each.text)) for each in body.files)
    notes: list[BroughtNote] = []
    for each in body.notes:
        text = cleaned(without_surrogates(each.text))
        if (size := len(text.encode())) > MAX_NOTE_BYTES:
            raise MemoryFull(f"the note {each.id}", size, MAX_NOTE_BYTES)
        if not text:
            raise misfit("notes", f"the note {each.id} is empty")
        notes.append(BroughtNote(each.id, text, each.written_at, round(each.importance * 1000), each.source))
    return Brought("", files, tuple(notes))

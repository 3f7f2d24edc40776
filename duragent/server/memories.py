"""What the memory routes work with, and how its notes look on the wire."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from duragent.errors import DuragentError, InvalidFile, NoMemory
from duragent.stores.base import STREAM_ID
from duragent.wire import NoteInfo

if TYPE_CHECKING:
    # With the first request only: a server whose agents remember nothing loads none of it.
    from duragent.memory.base import MemoryNote
    from duragent.memory.recall import NoteRecall
    from duragent.mind.actor import Mind
    from duragent.mind.forgetting import Forgetter
    from duragent.mind.minds import Minds
    from duragent.mind.pending import Pending
    from duragent.server.dependencies import Dependencies

WORLD_NAME = "worldMemory"
"""Stands in paths for the agent's name where the memory that all agents share is meant."""
_LOOKED_BACK = 60
"""In so many records before a note it is looked for what came from outside."""
_ORIGIN_CHARS = 300


class RenewIndex(Protocol):
    """Makes the index of an agent again after a session was redacted or deleted."""

    async def __call__(self, agent: str, session_id: str, *, deleted: bool = False) -> None:
        """Raises as `ServedMemories.recall`."""
        ...


@dataclass(frozen=True, slots=True)
class ServedMemories:
    """The memories of a server's agents."""

    minds: "Callable[[], Minds]"
    """The writers; called when the first agent is asked for."""
    recall: "Callable[[str], Awaitable[NoteRecall]]"
    """What finds notes of an agent, opened. Raises what `Minds.of` raises, and BadInput."""
    forgetter: "Callable[[], Forgetter]"
    """What forgets for good."""
    renew: "RenewIndex"
    """See there."""
    trouble: Callable[[str], str] = lambda _: ""
    """What is wrong with the memory of an agent; "" when nothing is, or it was not opened."""


def memories_of(dependencies: "Dependencies", name: str) -> ServedMemories:
    """Raises AgentNotFound, AgentBroken, NoMemory."""
    if name != WORLD_NAME and dependencies.catalog.get(name).spec.memory is None:
        raise NoMemory(name)
    if dependencies.memories is None:
        raise NoMemory(name)
    return dependencies.memories


def agent_of(name: str) -> str:
    """The agent of the name in a path; "" for what all share, as `Minds` has it."""
    return "" if name == WORLD_NAME else name


async def mind_of(dependencies: "Dependencies", name: str) -> "Mind":
    """Raises as `memories_of`, and as `Minds.of`."""
    return await memories_of(dependencies, name).minds().of(agent_of(name))


async def note_info(mind: "Mind", note: "MemoryNote", **more: Any) -> NoteInfo:
    """A note with the trust that the log gives it."""
    return NoteInfo(**note_fields(mind, note), file_changed_at=await file_changed_at(mind, note), **more)


async def file_changed_at(mind: "Mind", note: "MemoryNote") -> str | None:
    """The time of a note that has none of its own; None for others."""
    if note.written_at:
        return None
    try:
        return await asyncio.to_thread(mind.folder.changed_at, note.file) or None
    except InvalidFile:
        # It was said in a session, and is in no file.
        return None


def note_fields(mind: "Mind", note: "MemoryNote") -> dict[str, Any]:
    """Its fields, as far as every answer has them."""
    known = mind.state.known(note.id)
    return {
        "id": note.id,
        "text": note.text,
        "file": note.file,
        "line": note.line,
        "heading": note.heading,
        "scope": str(note.scope),
        "trust": mind.trust_of(note),
        "written_at": note.written_at or None,
        "importance": (known.importance_milli if known else note.importance_milli) / 1000,
        "source": note.source or None,
        "replaces": note.replaces or None,
        "superseded_by": (known.by if known else "") or None,
        "proposes": note.proposes or None,
    }


async def pending_info(dependencies: "Dependencies", minds: "Minds", mind: "Mind", each: "Pending") -> NoteInfo:
    """A note that waits, with what a person needs to decide about it."""
    more: dict[str, Any] = {"waits_since": each.since or None, "origin": await _origin(dependencies, each.note.source)}
    if each.note.proposes:
        more |= await _change(minds, mind, each.note)
    return await note_info(mind, each.note, **more)


async def _change(minds: "Minds", mind: "Mind", note: "MemoryNote") -> dict[str, Any]:
    target = await minds.world() if note.proposes.startswith("world/") else mind
    try:
        text, sha256 = await target.read(note.proposes)
    except InvalidFile:
        return {}
    return {"proposes_sha256": sha256, "diff": diff_of(text, note.text, note.proposes)}


def diff_of(now: str, then: str, file: str) -> str:
    """What would change in a file, as a unified diff; "" for nothing."""
    import difflib

    lines = difflib.unified_diff(now.splitlines(), then.splitlines(), file, f"{file} as it would be", lineterm="", n=2)
    return "\n".join(lines)


async def _origin(dependencies: "Dependencies", source: str) -> str | None:
    """The newest thing from outside in the turn of the call that wrote a note; None when it is not found."""
    from duragent.journal.events import MessageReceived, ModelReplied, ToolFinished, TurnStarted

    session_id, _, digits = source.partition("#")
    if not STREAM_ID.match(session_id) or not digits.isdigit() or not int(digits[:16]) > 0:
        return None
    try:
        lines = await dependencies.sessions.read_back(session_id, int(digits[:16]) + 1, _LOOKED_BACK)
        records = await dependencies.sessions.records(session_id, lines)
    except DuragentError:
        # The session is gone; what waits can be read all the same.
        return None
    calls: dict[str, str] = {}
    found = ""
    for record in records:
        match record.event:
            case TurnStarted():
                found = ""
            case ModelReplied() as event:
                calls |= {call.call: call.arguments for call in event.calls}
            case ToolFinished() as event if event.outside:
                found = f"{event.tool} {calls.get(event.call, '')}"
            case MessageReceived() as event if event.sender and event.source not in ("cli", "http"):
                found = f"a message of {event.sender.name or event.sender.id}"
    return found.strip()[:_ORIGIN_CHARS] or None


async def waiting_of(mind: "Mind") -> int:
    """How many notes wait."""
    from duragent.mind.pending import pending

    try:
        return len(await pending(mind))
    except InvalidFile:
        return len(mind.state.reviews)


async def all_notes(mind: "Mind") -> "tuple[list[MemoryNote], tuple[str, ...]]":
    """Every note with the trust that the log gives it, the newest first, and what could not be read."""

    def read() -> "tuple[list[MemoryNote], tuple[str, ...]]":
        found = mind.folder.read_all()
        changed = {file.file: mind.folder.changed_at(file.file) for file in found.files}
        notes = _vouched(mind, found.notes[::-1])
        return sorted(notes, key=lambda note: (note.written_at, changed[note.file]), reverse=True), found.faults

    return await asyncio.to_thread(read)


def _vouched(mind: "Mind", notes: "Iterable[MemoryNote]") -> "Iterable[MemoryNote]":
    return (replace(note, trust=mind.trust_of(note)) for note in notes)

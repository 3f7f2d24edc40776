"""What was said in a session, as pieces of an index: messages, answers, thoughts and calls. Pure.

The law: results of tools are never indexed. What a model wrote after it saw one from outside may repeat it: that
counts as unreviewed, and no later session is shown it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from duragent.journal.events import Call, MessageReceived, ModelReplied, ToolFinished
from duragent.journal.record import Record
from duragent.journal.source import is_person
from duragent.memory.base import OWNER, MemoryNote, Scope, Trust
from duragent.memory.chunks import NoteChunk, chunks_of

PREFIX = "session:"
"""Of a session's place in an index; no file of a memory has such a name."""
INSIDE = frozenset({"think", "memory", "skill", "goals", "history"})
"""Tools of ours whose results bring nothing from outside. `history` does when it reads other sessions."""
_UNSPOKEN = frozenset({"memory", "history"})
"""Calls that only repeat what is found already."""
_CALL_CHARS = 500


@dataclass(frozen=True, slots=True)
class Said:
    """What some records of a session say."""

    chunks: tuple[NoteChunk, ...]
    """In the order of the records; `file` of their notes is the session's id, `id` is `SESSION#SEQ`."""
    touched: bool
    """Whether the session has seen something from outside, up to its last record."""


def place_of(session_id: str) -> str:
    """Where an index has what was said in a session."""
    return PREFIX + session_id


def was_said(file: str) -> bool:
    """Whether the pieces of this `file` were said in a session, of which it is the id, and are no notes."""
    return not file.endswith(".md")


def said_in(session_id: str, records: Iterable[Record], scope: Scope = OWNER, *, touched: bool = False) -> Said:
    """The pieces of records that follow each other; `touched` is that of the records before."""
    notes: list[MemoryNote] = []
    for record in records:
        event = record.event
        match event:
            case MessageReceived():
                person = is_person(event.source)
                touched = touched or not person
                notes.append(_note(session_id, record, event.text, scope, "owner" if person else "unreviewed"))
            case ModelReplied():
                trust: Trust = "unreviewed" if touched else "agent"
                notes += (_note(session_id, record, text, scope, trust) for text in _spoken(event))
            case ToolFinished():
                touched = touched or event.tool not in INSIDE or _brings_more(event)
            case _:
                pass
    return Said(tuple(chunks_of(notes)), touched)


def _brings_more(event: ToolFinished) -> bool:
    """Whether a tool with the name of one of ours is another one, or `history` read other sessions."""
    of_this_session = event.tool == "history" and "records" in event.details and "sessions" not in event.details
    return bool(event.outside) and not of_this_session


def _spoken(event: ModelReplied) -> Iterator[str]:
    yield event.text
    for call in event.calls:
        if call.tool not in _UNSPOKEN:
            yield _invocation(call)


def _invocation(call: Call) -> str:
    if call.tool == "think":
        try:
            return str(json.loads(call.arguments)["thought"])
        except (ValueError, KeyError, TypeError):
            return ""
    return f"{call.tool} {call.arguments[:_CALL_CHARS]}"


def _note(session_id: str, record: Record, text: str, scope: Scope, trust: Trust) -> MemoryNote:
    source = f"{session_id}#{record.seq}"
    return MemoryNote(source, text, session_id, record.seq, scope, trust, record.ts, source=source)

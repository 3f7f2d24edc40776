"""Decisions of persons about notes that wait.

The law: only a person lets one in. A proposal for a whole file is written first, and taken out of those that wait then;
both may be done again.
"""

from dataclasses import dataclass

from duragent.errors import InvalidRequest, MemoryChanged, NotFound
from duragent.journal.mind.events import NoteReviewed
from duragent.memory.base import MemoryNote
from duragent.memory.notes import LONG_TERM, text_sha256
from duragent.mind.actor import Mind
from duragent.mind.minds import Minds
from duragent.mind.pending import pending

_LOOKED_BACK = 500
"""In so many records of the log a decision is looked for that is asked for again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person says of a note that waits."""

    word: str
    """`keep`, `forget`, or `edit`."""
    by: str
    """Who says it."""
    text: str = ""
    """The new words of an `edit`."""
    seen_sha256: str | None = None
    """Of the file that a proposal wants to replace, as the person saw it; None: however it is."""


async def decide(minds: Minds, agent: str, note: str, verdict: Verdict) -> str:
    """Do what a person says of a note. What was decided in the same way before is done.

    Returns the file where it stands now; "" when it was forgotten. Raises NotFound, InvalidRequest, MemoryChanged.
    """
    mind = await minds.of(agent)
    found = next((each.note for each in await pending(mind) if each.note.id == note), None)
    if found is None:
        return await _decided_before(mind, note, verdict)
    if verdict.word != "forget" and found.proposes:
        file = await _write_proposal(minds, mind, found, verdict)
        await mind.review(note, verdict.word, verdict.by, verdict.text)
        return file
    if verdict.word != "forget" and found.scope.kind == "world":
        raise InvalidRequest("what all agents share is written by topic: put it into a file there, and forget it here")
    return await mind.review(note, verdict.word, verdict.by, verdict.text)


async def _write_proposal(minds: Minds, mind: Mind, note: MemoryNote, verdict: Verdict) -> str:
    file = note.proposes
    if file != LONG_TERM and not file.startswith("world/"):
        raise InvalidRequest(f"a proposal is for {LONG_TERM} or for a topic, and not for {file[:80]}")
    target = mind if file == LONG_TERM else await minds.world()
    now, sha256 = await target.read(file)
    text = (verdict.text if verdict.word == "edit" else note.text).rstrip("\n") + "\n"
    if verdict.seen_sha256 is not None and verdict.seen_sha256 != sha256 and text_sha256(text) != sha256:
        raise MemoryChanged(file, now)
    await target.write_whole(file, text, sha256, person=verdict.by)
    return file


async def _decided_before(mind: Mind, note: str, verdict: Verdict) -> str:
    for record in reversed(await mind.log.records_back(None, _LOOKED_BACK)):
        event = record.event
        if isinstance(event, NoteReviewed) and event.note == note and event.verdict == verdict.word and event.by:
            return event.file
    raise NotFound(f"no note '{note[:40]}' waits for a review")

"""Forgetting for good: notes, their earlier versions, the index, and the texts that sessions were given of them.

The law: `forgetting_begun` is durable before anything is removed, and has no words, only ids and checksums. Each step
may be repeated. After a crash the same steps are done again from those, when the memory is opened next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from duragent.crashpoint import crashpoint
from duragent.errors import InvalidRequest, NotFound, NothingToForget
from duragent.journal.mind.events import ForgettingBegun
from duragent.journal.redaction import MATCH_MIN, AnyWords, Redaction
from duragent.kept_texts import drop_kept_texts
from duragent.memory.base import MemoryNote
from duragent.memory.notes import text_sha256
from duragent.mind.actor import Mind
from duragent.mind.minds import Minds

SHOWN_PERSONS = 5


@dataclass(frozen=True, slots=True)
class ForgetRequest:
    """What a person wants gone. All that any of the three names."""

    notes: tuple[str, ...] = ()
    """Notes by id."""
    person: str = ""
    """All notes that belong to this person, such as `telegram-4711`."""
    match: str = ""
    """All notes with these words, in capitals or not."""
    by: str = ""
    """The name of the person."""
    reason: str = ""
    """Why."""
    dry_run: bool = False
    """Only say what would go."""


@dataclass(frozen=True, slots=True)
class Sought:
    """How what is to go is known."""

    notes: frozenset[str]
    """The notes, by id: the model was shown them with it."""
    words: AnyWords = field(default_factory=AnyWords)
    """The texts of the notes, or the words that were asked for; none when they are gone from the files already."""
    sha256s: frozenset[str] = frozenset()
    """Blobs that are known to hold it."""

    def finds(self, text: str) -> bool:
        """Whether one of the texts stands in it."""
        return self.words.finds(text)

    def finds_version(self, text: str) -> bool:
        """Whether an earlier version of a file has one of the notes, with whatever words."""
        return any(note in text for note in self.notes) or self.finds(text)


@dataclass(frozen=True, slots=True)
class SessionTrace:
    """What one session has of it."""

    session_id: str
    """The session."""
    given: tuple[str, ...] = ()
    """The blobs with texts that the session was given; they can be removed."""
    said: tuple[int, ...] = ()
    """Other records with it, such as messages and calls: only `session redact` takes it out of these."""
    fault: str = ""
    """Why it could not be read; "" when it was."""


class SessionTexts(Protocol):
    """The sessions, as far as they have texts of notes; see `session.note_traces`."""

    async def traces(self, agent: str, wanted: Sought) -> Sequence[SessionTrace]:
        """Of the sessions of an agent, or of all with "", those that have something of it."""
        ...

    async def remove(self, trace: SessionTrace, by: str, reason: str) -> None:
        """Remove `given`. Durable on return; may be repeated."""
        ...


@dataclass(frozen=True, slots=True)
class Gone:
    """What was forgotten, or would be."""

    notes: tuple[MemoryNote, ...]
    """The notes."""
    texts: int
    """How many texts of sessions and earlier versions of files."""
    left: tuple[str, ...]
    """Where it still stands, as sentences for people."""


@dataclass
class Forgetter:
    """One for a server. One request for a memory at a time."""

    minds: Callable[[], Minds]
    """The writers; called with the first request."""
    texts: SessionTexts
    """The sessions."""
    renew: Callable[[str], Awaitable[None]]
    """Makes the index of an agent again without a trace; with "", those of all agents."""
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict, init=False)

    async def forget(self, agent: str, asked: ForgetRequest) -> Gone:
        """All of it is gone on return. `agent`: "" is what all agents share.

        Raises NotFound, NothingToForget, InvalidRequest, and what `Minds.of` raises.
        """
        if len("".join(asked.match.split())) < MATCH_MIN and asked.match:
            raise InvalidRequest(f"the words must have {MATCH_MIN} characters at least")
        async with self._lock(agent):
            if not asked.dry_run:
                await self._finish(agent)
            mind = await self.minds().of(agent)
            notes = await self._notes(mind, asked)
            wanted = Sought(frozenset(note.id for note in notes), _words(notes, asked.match))
            versions = await mind.versions_holding(wanted.finds_version)
            traces = await self.texts.traces(agent, wanted)
            given = {name for trace in traces for name in trace.given}
            if not (notes or versions or traces):
                raise NothingToForget("no note, and no text that a session was given, has this: nothing was changed")
            if asked.dry_run:
                return Gone(notes, len(versions) + len(given), await _left(mind, traces))
            begun = ForgettingBegun(
                notes=tuple(note.id for note in notes),
                sha256s=tuple({text_sha256(note.text): None for note in notes} | dict.fromkeys((*versions, *given))),
                by=asked.by,
                reason=wanted.words.without(asked.reason),
                everywhere=True,
            )
            await mind.begin_forgetting(begun)
            crashpoint("forgetting.begun")
            left = await self._work(agent, Sought(wanted.notes, wanted.words, frozenset(begun.sha256s)), begun)
            return Gone(notes, len(versions) + len(given), left)

    async def go_on(self, agent: str) -> None:
        """Finish what a crash has cut short, if there is something. Raises as `forget`."""
        async with self._lock(agent):
            await self._finish(agent)

    async def _finish(self, agent: str) -> None:
        mind = await self.minds().of(agent)
        forgetting = mind.state.forgetting
        if forgetting is None or not forgetting.everywhere:
            return
        [begun] = [record.event for record in await mind.log.records(forgetting.seq - 1, 1)]
        assert isinstance(begun, ForgettingBegun)
        # The words are gone from the files, and stand nowhere else.
        await self._work(agent, Sought(frozenset(forgetting.notes), AnyWords(), frozenset(forgetting.sha256s)), begun)

    async def _work(self, agent: str, wanted: Sought, begun: ForgettingBegun) -> tuple[str, ...]:
        await (await self.minds().of(agent)).take_out()
        crashpoint("forgetting.taken_out")
        await self.renew(agent)
        crashpoint("forgetting.index_renewed")
        # Again, because a turn may have been given some of it meanwhile.
        traces = await self.texts.traces(agent, wanted)
        for trace in traces:
            await self.texts.remove(trace, begun.by, begun.reason)
            crashpoint("forgetting.session_done")
        drop_kept_texts()
        # This may have taken long enough for the mind to be unloaded.
        mind = await self.minds().of(agent)
        left = await _left(mind, traces)
        await mind.end_forgetting(sorted(wanted.sha256s), left)
        return left

    async def _notes(self, mind: Mind, asked: ForgetRequest) -> tuple[MemoryNote, ...]:
        """Raises NotFound."""
        there = (await asyncio.to_thread(mind.folder.read_all)).notes
        if missing := set(asked.notes) - {note.id for note in there}:
            raise NotFound(f"no note '{min(missing)[:40]}' is there")
        words = Redaction(match=asked.match)
        found = tuple(note for note in there if _is_wanted(note, asked, words))
        if asked.person and not any(_is_of(note, asked.person) for note in found):
            known = sorted({note.scope.id for note in there if note.scope.kind == "person"})
            others = f"; there are some of {', '.join(known[:SHOWN_PERSONS])}" if known else ""
            raise NotFound(f"no note belongs to the person '{asked.person[:60]}'{others}")
        return found

    def _lock(self, agent: str) -> asyncio.Lock:
        return self._locks.setdefault(agent, asyncio.Lock())


def _is_wanted(note: MemoryNote, asked: ForgetRequest, words: Redaction) -> bool:
    return note.id in asked.notes or _is_of(note, asked.person) or words.finds(note.text)


def _is_of(note: MemoryNote, person: str) -> bool:
    return bool(person) and note.scope.kind == "person" and note.scope.id == person


def _words(notes: Sequence[MemoryNote], match: str) -> AnyWords:
    """What is looked for. A shorter text is in everything, so such a note is known by its id only."""
    texts = dict.fromkeys((match, *(note.text for note in notes)))
    return AnyWords(tuple(text for text in texts if len("".join(text.split())) >= MATCH_MIN))


async def _left(mind: Mind, traces: Sequence[SessionTrace]) -> tuple[str, ...]:
    left = [f"the session {trace.session_id} could not be read: {trace.fault}" for trace in traces if trace.fault]
    for trace in traces:
        if trace.said:
            records = " ".join(map(str, trace.said))
            left.append(
                f"it was said in the session {trace.session_id}: `duragent session redact {trace.session_id} {records}`"
            )
    # One file that cannot be read must not keep the others from being forgotten.
    left += [f"not looked at: {fault}" for fault in (await asyncio.to_thread(mind.folder.read_all)).faults]
    if (repository := _repository(mind.folder.root)) is not None:
        left.append(f"the git history of {repository}, if a file with it was ever committed")
    return tuple(left)


def _repository(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)

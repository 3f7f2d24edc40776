"""One agent's memory as sessions use it: its mind, its index, and what keeps the index up to date.

The law: a question waits for nothing but its own search, and for that only its time. Logs are read, vectors computed
and indexes filled in the background, by one task that lives as long as there is something to do.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duragent.agent.load import Agent
from duragent.agent.memory_spec import EmbeddingSpec
from duragent.clock import Clock
from duragent.errors import DuragentError, SessionNotFound
from duragent.memory.base import MemoryNote, Recalled, RecallQuery
from duragent.memory.folder import MemoryFolder
from duragent.memory.recall import FolderNotes, NoteRecall
from duragent.memory.said import was_said
from duragent.mind.actor import Mind
from duragent.mind.clean_index import CleanIndex
from duragent.mind.commands import look_again
from duragent.mind.minds import Minds
from duragent.mind.said_source import Chat, KnownRedactions, SaidSource
from duragent.mind.session_logs import ListedSessions, SessionLogSource

if TYPE_CHECKING:
    from duragent.embedders.breaker import Guarded
    from duragent.memory.embedded import EmbeddedQuestions
    from duragent.memory.outbox import Computed, Outbox

BATCH_RECORDS = 500
"""So many records of a session are read at a time."""
BATCH_PIECES = 500
"""After so many pieces the index is brought up to date."""
PAGE = 200
SETTLE_SECONDS = 0.2
"""What follows a record for so long is taken in with it."""
RETRY_SECONDS = 60.0
"""Vectors that could not be computed are tried again after this time."""
_BUDGET_USED = "what `spec.memory.sleep` allows in a day is used"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MemoryRoom:
    """What memories need of the rooms around them."""

    minds: Minds
    """The writers."""
    folder: Callable[[str], MemoryFolder]
    """The files of an agent; "" is what all agents share."""
    index: Callable[[str], Path]
    """Where an agent's index is."""
    embedder: Callable[[EmbeddingSpec], "Guarded"]
    """Raises ModelNotConfigured."""
    clock: Clock
    """The source of time."""
    spawn: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
    """Starts a task of the server's."""
    logs: Callable[[], SessionLogSource]
    """Where what was said is read."""
    sessions: Callable[[], ListedSessions]
    """The list of sessions."""
    go_on_forgetting: Callable[[str], Coroutine[Any, Any, None]]
    """Finishes what was to be forgotten when a crash came; see `Forgetter.go_on`."""


class AgentMemory:
    """The `Memory` of one agent."""

    fault: str = ""
    """What went wrong in the background, for people; "" when nothing did."""

    def __init__(self, room: MemoryRoom, agent: Agent) -> None:
        spec = agent.spec.memory
        assert spec is not None
        self.agent, self.spec, self._room = agent, spec, room
        self._said = SaidSource()
        self.own, self.world = room.folder(agent.name), room.folder("")
        self.sources = (FolderNotes(self.own), FolderNotes(self.world), *((self._said,) if spec.history else ()))
        self.notes = NoteRecall(
            room.index(agent.name), spec, self.sources, room.clock, vouched=lambda note: self.vouched(note)
        )
        self._index = CleanIndex(self._said, self.notes)
        # Vectors of another length were taken out: the right ones are computed.
        self.notes.lost_vectors = self.wake
        self._dirty: dict[str, None] = {}
        self._redactions = KnownRedactions()
        self._listed = not spec.history
        self._opening: asyncio.Task[bool] | None = None
        self._task: asyncio.Task[None] | None = None
        self._later: asyncio.Task[None] | None = None
        self._questions: EmbeddedQuestions | None = None
        self._embedder: Guarded | None = None
        self._without_vectors = ""
        self._outbox: Outbox | None = None
        self._begun = False
        self._has_new_notes = False
        self._closed = False

    # --- searching --------------------------------------------------------------------------------------------------

    async def recall(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        """See `Memory`."""
        begun = self._room.clock.monotonic()
        if not await self._opened(deadline_seconds):
            return Recalled("", (), "late", round(deadline_seconds * 1_000))
        left = max(0.0, deadline_seconds - (self._room.clock.monotonic() - begun))
        return await self.notes.recall(query, left)

    async def search(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        """For words that the agent or a person chose; see `NoteRecall.search`."""
        await self.open()
        return await self.notes.search(query, deadline_seconds)

    def vouched(self, note: MemoryNote) -> MemoryNote:
        """The note with the trust, the importance and the time that it has by the log of its mind."""
        if was_said(note.file):
            return note  # what was said is judged when it is indexed
        mind = self._room.minds.loaded("" if note.file.startswith("world/") else self.agent.name)
        if mind is None:
            return replace(note, trust="unreviewed")
        known = mind.state.known(note.id)
        importance = known.importance_milli if known else note.importance_milli
        written_at = known.renewed_at if known and known.renewed_at else note.written_at
        return replace(note, trust=mind.trust_of(note), importance_milli=importance, written_at=written_at)

    @property
    def trouble(self) -> str:
        """What is wrong, in sentences for people; "" when nothing is."""
        embedder = self._embedder.trouble if self._embedder is not None else ""
        vectors = f"{self._embedder.label} {embedder}" if self._embedder and embedder else self._without_vectors
        without = f"it is searched by words alone where vectors are missing: {vectors}" if vectors else ""
        return "; ".join(dict.fromkeys(filter(None, (self.fault, self.notes.fault, without))))

    # --- opening ----------------------------------------------------------------------------------------------------

    async def mind(self) -> Mind:
        """The writer of this agent's notes. Raises what `Minds.of` raises."""
        return await self._room.minds.of(self.agent.name)

    async def world_mind(self) -> Mind:
        """The writer of what all agents share; its folder is made when there is none. Raises as `mind`."""
        await asyncio.to_thread(lambda: self.world.root.mkdir(parents=True, exist_ok=True))
        return await self._room.minds.world()

    def attributed(self, file: str) -> bool:
        """Whether it is known who changed a file last; else no model is shown what stands in it."""
        mind = self._room.minds.loaded("" if file.startswith("world/") else self.agent.name)
        known = mind.state.files.get(file) if mind is not None else None
        return mind is not None and (known is None or known.by != "unattributed")

    def now(self) -> datetime:
        """The time where the agent's days begin and end."""
        return self._room.clock.now().astimezone(self.own.zone)

    async def open(self) -> None:
        """Open what a search needs. Raises what `Minds.of` raises, BadInput."""
        await look_again(await self.mind())
        if await asyncio.to_thread(self.world.root.is_dir):
            await look_again(await self._room.minds.world())
        if self._begun:
            return
        indexed = await asyncio.to_thread(lambda: self.notes.index.marks())
        if not self._begun:
            self._begun = True
            self._index.begin(indexed)
            self._embed_with()
            try:
                # The first search finds an index that is there and open.
                await self.notes.refresh()
            except (OSError, sqlite3.Error) as error:
                self._failed(error)
            self.wake()
            for mind in (self._room.minds.loaded(self.agent.name), self._room.minds.loaded("")):
                if mind is not None and mind.state.forgetting is not None:
                    self._room.spawn(self._room.go_on_forgetting(mind.state.agent))

    async def renew(self, session_id: str = "", *, deleted: bool = False) -> None:
        """A new index without a trace of what is not said any more; what that session says is read again.

        `deleted`: it is not there any more. Nothing of it is found on return, and the new index comes a moment later.
        """
        await self.open()
        if deleted:
            self._index.deleted(session_id)
            await self.notes.refresh()
            self.wake()
            return
        if session_id:
            self._said.forget(session_id)
        await self._index.rewrite()
        if self.spec.history:
            self._dirty |= dict.fromkeys([*self._said.take_lost(), *([session_id] if session_id else [])])
        self.wake()

    async def _opened(self, seconds: float) -> bool:
        """Whether it is open within this time; it goes on being opened when it is not."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self._open())
        await asyncio.wait((self._opening,), timeout=seconds)
        return self._opening.done() and not self._opening.cancelled() and self._opening.result()

    async def _open(self) -> bool:
        try:
            await self.open()
        except DuragentError as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: Exception) -> None:
        if self.fault != str(error):
            _log.warning("the memory of agent %s: %s", self.agent.name, error)
        self.fault = str(error)

    def _embed_with(self) -> None:
        if self.spec.embedding is None:
            return
        from duragent.memory.embedded import EmbeddedQuestions
        from duragent.memory.index import MemoryIndex

        if not isinstance(self.notes.index, MemoryIndex):
            return
        try:
            self._embedder = self._room.embedder(self.spec.embedding)
        except DuragentError as error:
            _log.warning("agent %s searches without vectors: %s", self.agent.name, error)
            self._without_vectors = str(error)
            return
        self._questions = self.notes.vectors = EmbeddedQuestions(self._embedder)

    # --- the background ---------------------------------------------------------------------------------------------

    def told(self, session_id: str, head: int) -> None:
        """A session of this agent has new records; with 0 it is gone."""
        if not self._begun:
            return  # its opening looks at all sessions
        if head == 0:
            self._index.deleted(session_id)
        elif self.spec.history:
            self._dirty[session_id] = None
            if head < self._said.cursor(session_id).seq:
                self._said.forget(session_id)
        self.wake()

    def wake(self, *, notes: bool = False) -> None:
        """Do in the background what is to be done. `notes`: some may have changed, so that vectors may be missing."""
        if notes and (not self._begun or self._embedder is None):
            return
        self._has_new_notes |= notes
        if not self._closed and (self._task is None or self._task.done()):
            self._task = self._room.spawn(self._work())

    async def _work(self) -> None:
        await self._room.clock.sleep(SETTLE_SECONDS)
        while True:
            try:
                await self._take_in()
                self.fault = ""
            except Exception as error:  # a cache must not end a server; the next record tries again
                self._failed(error)
                return
            if not self._dirty:
                await self._embed()
            # Any of them may have come up while it was busy.
            if not self._dirty and not self._has_new_notes and not self._index.has_traces:
                return

    async def _take_in(self) -> None:
        """Read what is new in sessions, and bring the index up to date."""
        self._has_new_notes = False
        await self._list()
        is_first = True
        while self._dirty or is_first:
            behind, self._dirty = self._dirty, {}
            ready = 0
            for session_id in behind:
                ready += await self._read(session_id)
                if ready >= BATCH_PIECES:
                    await self._index.refresh()
                    ready = 0
            if is_first or ready or self._dirty:
                await self._index.refresh()
                self._dirty |= dict.fromkeys(self._said.take_lost())
            is_first = False

    async def _list(self) -> None:
        """Once: which sessions have something new since the index was written, and which are gone."""
        if self._listed:
            return
        sessions, heads, cursor = self._room.sessions(), dict[str, int](), None
        while True:
            page, cursor = await sessions.list(agent=self.agent.name, limit=PAGE, cursor=cursor)
            heads |= {state.session_id: state.seq for state in page}
            if cursor is None:
                break
        unread = sessions.unread()
        self._listed = not unread
        for session_id in self._said.sessions():
            if session_id not in heads and session_id not in unread:
                self._index.deleted(session_id)
        behind = (name for name, head in heads.items() if head != self._said.cursor(name).seq)
        self._dirty |= dict.fromkeys(behind)

    async def _read(self, session_id: str) -> int:
        """One batch: how many changes stand ready. The session is looked at again when there were records."""
        forgets, after = self._said.forgets, self._said.cursor(session_id).seq
        try:
            part = await self._room.logs().part(session_id, after, BATCH_RECORDS)
        except SessionNotFound:
            self._index.deleted(session_id)
            return 1
        except DuragentError as error:
            _log.warning("what was said in session %s is not indexed: %s", session_id, error)
            return 0
        if not part.records:
            return 0
        self._dirty[session_id] = None
        if self._redactions.change(session_id, after, part.records):
            await self.renew(session_id)
            return 0
        access = self.agent.spec.access
        chat = Chat(part.gateway, part.chat_id, access.owners if access else ())
        return await asyncio.to_thread(self._said.take, session_id, part.records, chat, forgets)

    async def _embed(self) -> None:
        """Compute the vectors that are missing, as far as the day's budget goes."""
        if self._embedder is None or self._closed:
            return
        try:
            computed = await self._vectors(self._embedder)
        except Exception as error:  # likewise
            self._failed(error)
            return
        self._without_vectors = _BUDGET_USED if computed.why_stopped == "budget" else computed.why_stopped
        if computed.why_stopped and (self._later is None or self._later.done()):
            self._later = self._room.spawn(_after(self._room.clock, RETRY_SECONDS, self.wake))

    async def _vectors(self, embedder: "Guarded") -> "Computed":
        if self._outbox is None:
            from duragent.memory.embedded import IndexedTexts
            from duragent.memory.index import MemoryIndex
            from duragent.memory.outbox import Outbox
            from duragent.mind.budget import DayBudget, EmbeddingWork

            index = self.notes.index
            assert isinstance(index, MemoryIndex)
            clock = self._room.clock
            work = EmbeddingWork(DayBudget(self.mind, self.spec.sleep, clock), clock, embedder.label)
            self._outbox = Outbox(embedder, IndexedTexts(lambda: index), work)
        return await self._outbox.run()

    async def idle(self) -> None:
        """Nothing more is to be done in the background for now."""
        while self._task is not None and not self._task.done():
            await asyncio.wait((self._task,))

    async def close(self) -> None:
        """End what is under way, and give the index back."""
        self._closed = True
        tasks = [task for task in (self._task, self._later, self._opening) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._questions is not None:
            await self._questions.close()
        await asyncio.to_thread(self.notes.close)


async def _after(clock: Clock, seconds: float, then: Callable[[], None]) -> None:
    await clock.sleep(seconds)
    then()

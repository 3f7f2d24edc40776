"""An agent's memory as the tool `memory` sees it in one session: the mind's writers, and what the session's log says.

The law: who may read and write follows from the newest message of a person in the log, and who vouches for a note from
what the newest question showed; nothing of it is taken from a model.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from duragent.errors import InvalidFile, MemoryChanged, NotFound
from duragent.memory.base import OWNER, Cause, MemoryNote, NewNote, RecallQuery, Scope, Window, WrittenNote
from duragent.memory.legacy_text import recall_text
from duragent.memory.notes import LONG_TERM, placed_notes, text_sha256
from duragent.memory.scope import Access
from duragent.memory.writes import titled, topic_file
from duragent.mind.actor import Mind
from duragent.mind.agent_memory import AgentMemory
from duragent.mind.records import forgotten_by
from duragent.session.seen_session import SeenSession

if TYPE_CHECKING:
    from duragent.session.session_reader import ReadableSessions

LOOKS_BACK = 1000
"""A call that is made again after a crash finds what it did among so many records of a mind."""
SEARCH_SECONDS = 5.0
SEARCH_TOKENS = 20_000


class SessionMemory:
    """A `MemoryPort`."""

    def __init__(
        self,
        memory: Callable[[], AgentMemory],
        session_id: str,
        sessions: Callable[[], "ReadableSessions"],
        read_by: Callable[[str], dict[str, str]],
    ) -> None:
        """`memory` and `sessions` are called on the event loop, when the tool is used.

        `read_by` gives what a session read last of files that are replaced as a whole.
        """
        self._memory_of, self._session_id, self._sessions_of = memory, session_id, sessions
        self._read_by = read_by

    @property
    def _memory(self) -> AgentMemory:
        return self._memory_of()

    async def window(self) -> Window:
        return await self._view().window()

    async def reads(self) -> tuple[Scope, ...]:
        return (await self._access()).reads

    async def writes(self) -> tuple[Scope, ...]:
        return (await self._access()).writes

    async def _access(self) -> Access:
        return await self._view().access()

    def _view(self) -> SeenSession:
        return SeenSession(self._sessions_of(), self._session_id, self._memory.agent)

    # --- reading ----------------------------------------------------------------------------------------------------

    async def recall_text(self, days: int) -> str:
        memory, may_read = self._memory, (await self._access()).may_read(OWNER)
        await memory.open()
        today = memory.now().date()
        text = await asyncio.to_thread(
            lambda: recall_text(memory.own if may_read else None, memory.world, today, days, memory.attributed)
        )
        await asyncio.to_thread(self._read_world)
        return text

    def _read_world(self) -> None:
        read = self._read_by(self._session_id)
        for file in self._memory.world.files()[0]:
            try:
                read[file] = self._memory.world.read(file).sha256
            except InvalidFile:
                continue

    async def search(self, query: str, limit: int) -> Sequence[MemoryNote]:
        access = await self._access()
        asked = RecallQuery(query, access.reads, limit=limit, budget_tokens=SEARCH_TOKENS, session_id=self._session_id)
        found = await self._memory.search(asked, SEARCH_SECONDS)
        return [each.note for each in found.candidates if not each.left_out]

    async def note(self, note: str) -> MemoryNote | None:
        await self._memory.open()
        found = await asyncio.to_thread(self._find, note)
        if found is None:
            return None
        vouched = self._memory.vouched(found)
        readable = (await self._access()).may_read(vouched.scope)
        return vouched if readable and vouched.trust != "unreviewed" else None

    def _find(self, note: str) -> MemoryNote | None:
        for folder in (self._memory.own, self._memory.world):
            for file in folder.files()[0]:
                try:
                    text = folder.read(file).text
                except InvalidFile:
                    continue
                for placed in placed_notes(text, file, folder.zone):
                    if placed.note.id == note:
                        return placed.note
        return None

    # --- writing ----------------------------------------------------------------------------------------------------

    async def reinforce(self, note: str, call: str) -> None:
        window = await self.window()
        cause = Cause(self._session_id, window.seq, call)
        found = await asyncio.to_thread(self._find, note)
        if found is not None:
            mind = await (self._memory.world_mind() if found.file.startswith("world/") else self._memory.mind())
            await mind.reinforce(note, cause)

    async def remember(self, new: NewNote, call: str) -> WrittenNote:
        note, saved = await (await self._memory.mind()).remember(new)
        return WrittenNote(note.file, note.id, saved.theirs if saved else "")

    async def long_term(self) -> str:
        mind = await self._memory.mind()
        text, sha256 = await mind.read(LONG_TERM)
        self._refuse_unattributed(LONG_TERM)
        self._read_by(self._session_id)[LONG_TERM] = sha256
        return text

    def _refuse_unattributed(self, file: str) -> None:
        if not self._memory.attributed(file):
            raise InvalidFile(file, "was changed by a command, and waits until a person has saved it")

    async def reflect(self, content: str, call: str) -> WrittenNote:
        return await self._replace(await self._memory.mind(), LONG_TERM, content, call)

    async def update_world(self, topic: str, content: str, call: str) -> WrittenNote:
        mind = await self._memory.world_mind()
        file = await asyncio.to_thread(topic_file, mind.folder, topic)
        return await self._replace(mind, file, titled(topic, content), call)

    async def _replace(self, mind: Mind, file: str, content: str, call: str) -> WrittenNote:
        self._refuse_unattributed(file)
        read = self._read_by(self._session_id)
        text = content.replace("\r\n", "\n").replace("\0", "")
        text = text if text.endswith("\n") else text + "\n"
        window = await self.window()
        cause = Cause(self._session_id, window.seq, call)
        before, unread = read.get(file, ""), False
        if file != LONG_TERM and file not in read:
            # A topic is replaced without being read first; its text is kept for `undo`.
            _, before = await mind.read(file)
            unread = before not in ("", text_sha256(text))
        try:
            saved = await mind.write_whole(file, text, before, cause)
        except MemoryChanged as changed:
            # Its answer shows what the file has now.
            read[file] = text_sha256(changed.text) if changed.text else ""
            raise
        read[file] = saved.after_sha256
        return WrittenNote(file, theirs=saved.theirs, unread=unread)

    async def propose(self, file: str, new: NewNote, call: str) -> WrittenNote:
        return await self.remember(replace(new, proposes=file), call)

    async def forget(self, note: str, call: str) -> WrittenNote:
        await self._memory.open()
        found = await asyncio.to_thread(self._find, note)
        if found is None:
            raise NotFound(f"there is no note {note[:64]}")
        mind = await (self._memory.world_mind() if found.file.startswith("world/") else self._memory.mind())
        await mind.forget(note, f"{self._session_id}/{call}")
        return WrittenNote(found.file, note)

    async def forgotten(self, note: str, call: str) -> WrittenNote | None:
        minds = [await self._memory.mind()]
        if await asyncio.to_thread(self._memory.world.root.is_dir):
            # Where nothing is shared, nothing is made to look into.
            minds.append(await self._memory.world_mind())
        for mind in minds:
            newest = [record.event for record in await mind.log.records_back(None, LOOKS_BACK)]
            if (file := forgotten_by(newest, f"{self._session_id}/{call}", note)) is not None:
                return WrittenNote(file, note)
        return None

"""The one writer of an agent's memory, or of what all agents share.

The law: the file first (its old text is kept as a blob before), then the record. A start compares the files with the
log: what differs was done by a person, and a note whose comment the log does not know was written when a crash came, so
it gets its record. One operation at a time; work on files runs in a thread.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from duragent.clock import Clock
from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError, IdempotencyMismatch, InvalidRequest, MemoryChanged, NotFound, NothingToDo
from duragent.journal.mind.events import (
    Author,
    ForgettingBegun,
    ForgettingEnded,
    MindEvent,
    NoteReinforced,
    NoteReviewed,
    NoteSuperseded,
    NoteWritten,
)
from duragent.journal.mind.state import KEPT_VERSIONS, SHA_DIGITS, FileVersion, MindState
from duragent.memory.base import Cause, MemoryNote, NewNote, Trust
from duragent.memory.folder import FileText, MemoryFolder, Saved, difference
from duragent.memory.notes import (
    UNREVIEWED,
    PlacedNote,
    appended,
    file_for,
    made_note,
    note_id,
    placed_notes,
    text_sha256,
    without,
)
from duragent.mind.compare import differences
from duragent.mind.kind import MindLog
from duragent.mind.records import cause_of, whole_written, written

ATTEMPTS = 20
"""So often a note is added again when a person saves the file at the same time."""
READ_TEXTS = 16
"""So many texts that sessions have read are remembered, to say what changed since."""
REINFORCED_MILLI = 50
"""How much a note gains when it is made again."""

_T = TypeVar("_T")


class Mind:
    """One agent's memory. Every write is durable when it returns, and may be repeated."""

    log: MindLog
    """Its stream."""

    def __init__(self, log: MindLog, folder: MemoryFolder, clock: Clock) -> None:
        self.log, self.folder, self._clock = log, folder, clock
        self.last_used = clock.monotonic()
        self._lock = asyncio.Lock()
        self._read: dict[str, str] = {}
        self._unsure = False

    @property
    def state(self) -> MindState:
        """What the log adds up to."""
        return self.log.state

    @property
    def busy(self) -> bool:
        """Whether an operation is under way."""
        return self._lock.locked() or self.log.busy

    def trust_of(self, note: MemoryNote) -> Trust:
        """Who vouches for a note. Its comment makes it more than its file only when the log knows id and text."""
        if note.file == UNREVIEWED:
            return "unreviewed"
        known = self.state.known(note.id)
        if known is not None and known.sha == text_sha256(note.text)[:SHA_DIGITS]:
            return known.trust
        file = self.state.files.get(note.file)
        if file is not None and file.by == "unattributed":
            return "unreviewed"
        return "agent" if known is None and note.trust == "agent" else "owner"

    async def read(self, file: str) -> tuple[str, str]:
        """A file's text, and its SHA-256 for the next `write_whole`. Raises InvalidFile."""
        found = await asyncio.to_thread(self.folder.read, file)
        _keep_text(self._read, found.sha256, found.text)
        return found.text, found.sha256

    # --- writing ----------------------------------------------------------------------------------------------------

    async def remember(self, new: NewNote, *, person: str = "", key: str = "") -> tuple[MemoryNote, Saved | None]:
        """Write a note; nothing is written when this call, or a person with this key, has written it already.

        Raises MemoryFull, InvalidFile, IdempotencyMismatch when the key was used for another text.
        """
        cause = new.cause
        note = note_id(cause.session_id, cause.call) if cause else note_id(person, key or self._clock.new_id("note"))
        local = self._clock.now().astimezone(self.folder.zone)
        file = UNREVIEWED if new.trust == "unreviewed" else file_for(new.scope, f"{local:%Y-%m-%d}")
        made = made_note(new, note, file, local)

        async def work() -> tuple[MemoryNote, Saved | None]:
            if (there := self.state.file_of(note)) and (known := self.state.known(note)) is not None:
                if key and known.sha != text_sha256(made.text)[:SHA_DIGITS]:
                    raise IdempotencyMismatch(key)
                return replace(made, file=there), None
            saved = await self._add(made, local)
            events: list[MindEvent] = [written(made, "remember", saved, cause, person)]
            if new.replaces:
                events.append(NoteSuperseded(note=new.replaces, by=note))
            await self._record(events)
            return made, saved

        return await self._one_at_a_time(work)

    async def _add(self, note: MemoryNote, local: datetime) -> Saved:
        for attempt in range(ATTEMPTS):
            before = await asyncio.to_thread(self.folder.read, note.file)
            placed = placed_notes(before.text, note.file, self.folder.zone)
            if any(each.note.id == note.id for each in placed):
                # Written before a crash, or before a write of the log that found no room.
                return Saved(note.file, self.folder.path(note.file), before.sha256, before.sha256)
            try:
                return await self._replace(note.file, appended(before.text, note, local), before.text, before.sha256)
            except MemoryChanged:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    async def write_whole(
        self, file: str, content: str, before_sha256: str, cause: Cause | None = None, *, person: str = ""
    ) -> Saved:
        """Replace MEMORY.md or a topic, when it still is what the caller read.

        Raises MemoryChanged with the text that it has now and the difference to what was read, MemoryFull, InvalidFile.
        """

        async def work() -> Saved:
            now = await asyncio.to_thread(self.folder.read, file)
            if now.sha256 == text_sha256(content):
                saved = Saved(file, self.folder.path(file), before_sha256, now.sha256)
                known = self.state.files.get(file)
                if known is not None and known.sha256 == now.sha256:
                    return saved
            elif now.sha256 != before_sha256:
                _keep_text(self._read, now.sha256, now.text)
                diff = difference(self._read.get(before_sha256, ""), now.text, file)
                raise MemoryChanged(file, now.text, diff)
            else:
                saved = await self._replace(file, content, now.text, before_sha256)
            _keep_text(self._read, saved.after_sha256, content)
            event = whole_written(saved, content, cause, person, is_world=self.folder.is_world)
            await self._record([event])
            return saved

        return await self._one_at_a_time(work)

    async def write_seen(self, seen: FileText, text: str, told: Callable[[Saved], Sequence[MindEvent]]) -> Saved:
        """Replace a file that still is as it was seen; `told` gives the records. Raises as `write_whole`."""

        async def work() -> Saved:
            await self._record(told(saved := await self._replace(seen.file, text, seen.text, seen.sha256)))
            return saved

        return await self._one_at_a_time(work)

    async def reinforce(self, note: str, cause: Cause | None = None) -> None:
        """The same note was made again: it counts a little more, up to 1.0."""

        def decide(state: MindState) -> Sequence[MindEvent]:
            known = state.known(note)
            if known is None:
                return []
            importance = min(known.importance_milli + REINFORCED_MILLI, 1000)
            return [NoteReinforced(note=note, importance_milli=importance, cause=cause_of(cause))]

        await self.log.commit(decide)

    async def undo(self, file: str, by: str, seq: int = 0) -> Saved:
        """Put a file back as it was before its newest write, which is the record `seq` unless that is 0.

        Raises NothingToDo, MemoryChanged.
        """

        async def work() -> Saved:
            version = next((each for each in reversed(self.state.versions) if each.file == file), None)
            if version is None or (version.sha256 and not await self._has(version.sha256)):
                raise NothingToDo(f"no earlier version of {file} is kept")
            if seq not in (0, version.seq):
                raise MemoryChanged(file)
            now = await asyncio.to_thread(self.folder.read, file)
            if now.sha256 != version.after_sha256:
                raise MemoryChanged(file, now.text)
            text = (await self.log.blob(version.sha256)).decode() if version.sha256 else ""
            saved = await self._replace(file, text, now.text, now.sha256)
            event = NoteWritten(
                file=file, op="undo", before_sha256=now.sha256, after_sha256=saved.after_sha256, person=by
            )
            await self._record([event])
            return saved

        return await self._one_at_a_time(work)

    async def _has(self, blob: str) -> bool:
        try:
            await self.log.blob(blob)
        except DuragentError:
            return False
        return True

    # --- forgetting and reviews -------------------------------------------------------------------------------------

    async def forget(self, note: str, by: str, reason: str = "") -> Sequence[str]:
        """A note is gone for good, with earlier versions of files that hold its text.

        Returns sentences about where its words still stand. Raises NotFound.
        """

        async def work() -> Sequence[str]:
            placed = await self._placed(note)
            texts = (text_sha256(placed.note.text),)
            await self._record([ForgettingBegun(notes=(note,), sha256s=texts, by=by, reason=reason)])
            crashpoint("mind.forgetting")
            return await self._forget(placed, by)

        return await self._one_at_a_time(work)

    async def _forget(self, placed: PlacedNote, by: str) -> Sequence[str]:
        note, dropped = placed.note, [text_sha256(placed.note.text)]
        for version in {version.sha256 for version in self.state.versions if version.sha256}:
            if await self._has(version) and note.text in (await self.log.blob(version)).decode():
                await self.log.drop_blob(version)
                dropped.append(version)
        saved = await self._take_out(note.file, note.id)
        gone = NoteWritten(
            note=note.id,
            file=note.file,
            op="forget",
            before_sha256=saved.before_sha256,
            after_sha256=saved.after_sha256,
            person=by,
        )
        said = f"the session {note.source.partition('#')[0]} still has what was said there"
        left = (said,) if "#" in note.source else ()
        await self._record([gone, ForgettingEnded(notes=(note.id,), sha256s=tuple(dropped), left=left)])
        return left

    async def review(self, note: str, verdict: str, by: str, text: str = "") -> str:
        """Decide about a note that waits: `keep`, `forget`, or `edit` with the words of `text`.

        A proposal for a whole file is only taken out, see `reviews.decide`. Returns the file where it stands now; ""
        when it was forgotten or was a proposal. Raises NotFound, InvalidRequest.
        """
        if verdict not in ("keep", "forget", "edit") or (verdict == "edit" and not text.strip()):
            raise InvalidRequest("a review is `keep`, `forget`, or `edit` with the new text")

        async def work() -> str:
            placed = await self._placed(note, UNREVIEWED)
            kept, added = replace(placed.note, text=text or placed.note.text, trust="owner"), None
            if verdict != "forget" and not placed.note.proposes:
                local = self._clock.now().astimezone(self.folder.zone)
                kept = replace(kept, file=file_for(kept.scope, f"{local:%Y-%m-%d}"))
                added = await self._add(kept, local)
                crashpoint("mind.review_added")
            saved = await self._take_out(UNREVIEWED, note)
            event = NoteReviewed(
                note=note,
                verdict=verdict,
                by=by,
                file=kept.file if added else "",
                text_sha256=text_sha256(kept.text) if added else "",
                before_sha256=saved.before_sha256,
                after_sha256=saved.after_sha256,
                file_sha256=added.after_sha256 if added else "",
            )
            await self._record([event])
            return event.file

        return await self._one_at_a_time(work)

    async def _placed(self, note: str, file: str = "") -> PlacedNote:
        """Where a note stands. Raises NotFound."""

        def look() -> PlacedNote | None:
            names = (file,) if file else self.folder.files()[0]
            for name in names:
                for placed in placed_notes(self.folder.read(name).text, name, self.folder.zone):
                    if placed.note.id == note:
                        return placed
            return None

        found = await asyncio.to_thread(look)
        if found is None:
            raise NotFound(f"no note '{note[:40]}' is there" + (" that waits for a review" if file else ""))
        return found

    async def _take_out(self, file: str, note: str) -> Saved:
        """The file without that note. Its old text is not kept."""
        for attempt in range(ATTEMPTS):
            before = await asyncio.to_thread(self.folder.read, file)
            placed = placed_notes(before.text, file, self.folder.zone)
            mine = next((each for each in placed if each.note.id == note), None)
            if mine is None:
                return Saved(file, self.folder.path(file), before.sha256, before.sha256)
            try:
                text = without(before.text, mine, placed)
                return await self._replace(file, text, None, before.sha256)
            except MemoryChanged:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    # --- what all of them share -------------------------------------------------------------------------------------

    async def _one_at_a_time(self, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        self.last_used = self._clock.monotonic()

        async def alone() -> _T:
            async with self._lock:
                if self.log.problem is not None:
                    # Before a file is touched, which the log could not tell of.
                    raise self.log.problem
                if self._unsure:
                    await self._reconcile("person", adopt=True)
                    self._unsure = False
                return await work()

        # A caller that goes away must not leave a file without its record.
        return await asyncio.shield(asyncio.ensure_future(alone()))

    async def _replace(self, file: str, text: str, before: str | None, before_sha256: str) -> Saved:
        """Compare and swap, with the old text as a blob first. Raises MemoryChanged, MemoryFull, InvalidFile."""
        if before and before_sha256:
            await self.log.put_blob(before.encode())
        self._unsure = True
        saved = await asyncio.to_thread(self.folder.write, file, text, before_sha256)
        crashpoint("mind.file_written")
        return saved

    async def _record(self, events: Sequence[MindEvent]) -> None:
        before = self.state
        await self.log.commit(lambda _: events)
        self._unsure = False
        crashpoint("mind.recorded")
        await self._drop(before.versions[-KEPT_VERSIONS:])

    async def _drop(self, versions: Sequence[FileVersion]) -> None:
        """Remove the blobs of those versions that are not kept any more."""
        kept = {version.sha256 for version in self.state.versions[-KEPT_VERSIONS:]}
        for version in versions:
            if version.sha256 and version.sha256 not in kept:
                await self.log.drop_blob(version.sha256)

    async def close(self) -> None:
        """Let the operation under way end, and give the log back."""
        async with self._lock:
            await self.log.close()

    async def reconcile(self, by: Author = "person", *, adopt: bool = True) -> Sequence[str]:
        """Compare the files with the log, and write down what differs. Returns sentences about files left out.

        `by`: who changed what differs. `adopt`: a note whose comment the log does not know was ours; not so in a log
        that has just been made, because the files may come from elsewhere.
        """
        async with self._lock:
            return await self._reconcile(by, adopt=adopt)

    async def _reconcile(self, by: Author, *, adopt: bool) -> Sequence[str]:
        theirs = await asyncio.to_thread(self.folder.sweep)
        found = await asyncio.to_thread(self.folder.read_all)
        events = differences(self.state, found.files, self.folder.zone, by, adopt=adopt)
        if events:
            await self.log.commit(lambda _: events)
        crashpoint("mind.reconciled")
        await self._drop(self.state.surplus)
        if (forgetting := self.state.forgetting) is not None:
            await self._go_on_forgetting(forgetting.notes)
        return (*found.faults, *(f"{name} has what a person saved at the same moment" for name in theirs))

    async def _go_on_forgetting(self, notes: Sequence[str]) -> None:
        """A crash came in the middle: what is still there is removed now."""
        for note in notes:
            try:
                await self._forget(await self._placed(note), "")
            except NotFound:
                await self._record([ForgettingEnded(notes=(note,))])


def _keep_text(kept: dict[str, str], sha256: str, text: str) -> None:
    kept.pop(sha256, None)
    kept[sha256] = text
    while len(kept) > READ_TEXTS:
        del kept[next(iter(kept))]

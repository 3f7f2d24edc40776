"""The one writer of an agent's memory, or of what all agents share.

The law: what will be written as a record, then the file, then the record of what was. A start compares the files with
the log: what differs was done by a person, but for the write that was begun and has no end. One operation at a time;
work on files runs in a thread.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
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
    WriteBegun,
)
from duragent.journal.mind.state import SHA_DIGITS, Forgetting, MindState
from duragent.memory.base import Cause, MemoryNote, NewNote, Trust
from duragent.memory.folder import FileText, MemoryFolder, Saved, difference
from duragent.memory.notes import UNREVIEWED, PlacedNote, cleaned, file_for, text_sha256
from duragent.memory.writes import call_note_id, find_note, planned_note, whole_text
from duragent.mind.compare import differences
from duragent.mind.files import MindFiles
from duragent.mind.kind import MindLog
from duragent.mind.records import WrittenBy, began_with, cause_of, ended, note_begun, replaced, reviewed, whole_begun
from duragent.shield import shielded

READ_TEXTS = 16
"""So many texts that sessions have read are remembered, to say what changed since."""
REINFORCED_MILLI = 50
"""How much a note gains when it is made again."""

_TRUST_OF: Mapping[Author, Trust] = {"person": "owner", "agent": "agent", "unattributed": "unreviewed"}
"""Who vouches for what a file has beside the notes that the log knows."""
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
        self._files = MindFiles(log, folder)
        self.commands = 0
        """Commands of the agent that run now, and could change the files; see `commands.watched`."""
        self.written: Callable[[], None] = lambda: None
        """Called after each operation that may have changed notes."""

    @property
    def state(self) -> MindState:
        """What the log adds up to."""
        return self.log.state

    @property
    def busy(self) -> bool:
        """Whether an operation is under way."""
        return self._lock.locked() or self.log.busy or self.commands > 0

    def trust_of(self, note: MemoryNote) -> Trust:
        """Who vouches for a note. Its comment makes it more than its file only when the log knows id and text."""
        if note.file == UNREVIEWED:
            return "unreviewed"
        known = self.state.known(note.id)
        if known is not None and known.sha == text_sha256(note.text)[:SHA_DIGITS]:
            return known.trust
        file = self.state.files.get(note.file)
        by_file = _TRUST_OF[file.by] if file is not None else "owner"
        # A comment may only say that less vouches for its note.
        return "agent" if by_file == "owner" and known is None and note.trust == "agent" else by_file

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
        note = call_note_id(new, person, key or ("" if new.cause else self._clock.new_id("note")))
        local = self._clock.now().astimezone(self.folder.zone)
        made = planned_note(new, note, local)

        async def work() -> tuple[MemoryNote, Saved | None]:
            if (there := self.state.file_of(note)) and (known := self.state.known(note)) is not None:
                if key and known.sha != text_sha256(made.text)[:SHA_DIGITS]:
                    raise IdempotencyMismatch(key)
                return replace(made, file=there), None
            begun = note_begun(made, "remember", WrittenBy(new.cause, person))
            saved = await self._files.add(begun, made, local)
            await self._files.record([ended(begun, saved), *replaced(begun)])
            return made, saved

        return await self._one_at_a_time(work)

    async def write_whole(
        self, file: str, content: str, before_sha256: str, cause: Cause | None = None, *, person: str = ""
    ) -> Saved:
        """Replace MEMORY.md or a topic, when it still is what the caller read.

        Raises MemoryChanged with the text that it has now and the difference to what was read, MemoryFull, InvalidFile.
        """
        text = whole_text(content)

        async def work() -> Saved:
            now = await asyncio.to_thread(self.folder.read, file)
            begun = whole_begun(file, text, WrittenBy(cause, person))
            if now.sha256 == text_sha256(text):
                saved = Saved(file, self.folder.path(file), before_sha256, now.sha256)
                known = self.state.files.get(file)
                if known is not None and known.sha256 == now.sha256:
                    return saved
            elif now.sha256 not in (before_sha256, began_with(self.state, begun, text_sha256(text))):
                _keep_text(self._read, now.sha256, now.text)
                diff = difference(self._read.get(before_sha256, ""), now.text, file)
                raise MemoryChanged(file, now.text, diff)
            else:
                saved = await self._files.replace(begun, text, now)
            _keep_text(self._read, saved.after_sha256, text)
            await self._files.record([ended(begun, saved)])
            return saved

        return await self._one_at_a_time(work)

    async def write_seen(self, seen: FileText, text: str, told: Callable[[Saved], Sequence[MindEvent]]) -> Saved:
        """Replace a file that still is as it was seen; `told` gives the records. Raises as `write_whole`."""

        async def work() -> Saved:
            begun = WriteBegun(file=seen.file, op="edit", after_sha256="", person="import")
            saved = await self._files.replace(begun, text, seen)
            await self._files.record(told(saved))
            return saved

        return await self._one_at_a_time(work)

    async def reinforce(self, note: str, cause: Cause | None = None) -> None:
        """The same note was made again: it counts a little more, up to 1.0, and as new. A repeated call counts once."""

        def decide(state: MindState) -> Sequence[MindEvent]:
            known = state.known(note)
            if known is None or (cause and known.renewed_by == f"{cause.session_id}/{cause.call}"):
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
            text = await self._kept(version.sha256) if version is not None else None
            if version is None or text is None:
                raise NothingToDo(f"no earlier version of {file} is kept")
            if seq not in (0, version.seq):
                raise MemoryChanged(file)
            now = await asyncio.to_thread(self.folder.read, file)
            if now.sha256 != version.after_sha256:
                raise MemoryChanged(file, now.text)
            begun = WriteBegun(file=file, op="undo", after_sha256="", person=by)
            saved = await self._files.replace(begun, text, now)
            await self._files.record([ended(begun, saved)])
            return saved

        return await self._one_at_a_time(work)

    async def _kept(self, version: str) -> str | None:
        """The text of an earlier version, "" of one without a file; None when it is not kept any more."""
        try:
            return (await self.log.blob(version)).decode() if version else ""
        except DuragentError:
            return None

    # --- forgetting and reviews -------------------------------------------------------------------------------------

    async def forget(self, note: str, by: str, reason: str = "") -> Sequence[str]:
        """A note is gone for good, with earlier versions of files that hold its text.

        Returns sentences about where its words still stand. Raises NotFound.
        """

        async def work() -> Sequence[str]:
            placed = await self._placed(note)
            texts = (text_sha256(placed.note.text),)
            await self._files.record([ForgettingBegun(notes=(note,), sha256s=texts, by=by, reason=reason)])
            crashpoint("mind.forgetting")
            return await self._forget(placed, by)

        return await self._one_at_a_time(work)

    async def _forget(self, placed: PlacedNote, by: str) -> Sequence[str]:
        note = placed.note
        versions = await self.versions_holding(lambda text: note.text in text)
        for version in versions:
            await self.log.drop_blob(version)
        begun = WriteBegun(note=note.id, file=note.file, op="forget", after_sha256="", person=by)
        gone = ended(begun, await self._files.take_out(begun))
        said = f"the session {note.source.partition('#')[0]} still has what was said there"
        left = (said,) if "#" in note.source else ()
        dropped = (text_sha256(note.text), *versions)
        await self._files.record([gone, ForgettingEnded(notes=(note.id,), sha256s=dropped, left=left)])
        return left

    async def versions_holding(self, finds: Callable[[str], bool]) -> Sequence[str]:
        """The blobs of earlier versions in which something is found."""
        names = dict.fromkeys(version.sha256 for version in self.state.versions if version.sha256)
        return [name for name in names if (text := await self._kept(name)) is not None and finds(text)]

    async def begin_forgetting(self, begun: ForgettingBegun) -> None:
        """Durable on return. From here on it is gone on with until `end_forgetting`, also after a crash."""

        async def work() -> None:
            await self._files.record([begun])

        await self._one_at_a_time(work)

    async def take_out(self) -> None:
        """The notes that are being forgotten are in no file, and their earlier versions are gone."""

        async def work() -> None:
            if (forgetting := self.state.forgetting) is not None:
                await self._take_out(forgetting)

        await self._one_at_a_time(work)

    async def _take_out(self, forgetting: Forgetting) -> None:
        for version in {version.sha256 for version in self.state.versions} & set(forgetting.sha256s):
            await self.log.drop_blob(version)
        crashpoint("mind.versions_dropped")
        for note in forgetting.notes:
            # The same text may stand twice in a file: the second one has this id when the first one is gone.
            while (placed := await asyncio.to_thread(find_note, self.folder, note)) is not None:
                begun = WriteBegun(note=note, file=placed.note.file, op="forget", after_sha256="", person="forget")
                await self._files.record([ended(begun, await self._files.take_out(begun))])

    async def end_forgetting(self, sha256s: Sequence[str], left: Sequence[str]) -> None:
        """All of it is gone, but for what `left` says."""

        async def work() -> None:
            notes = self.state.forgetting.notes if self.state.forgetting is not None else ()
            done = ForgettingEnded(notes=notes, sha256s=tuple(sha256s), left=tuple(left), everywhere=True)
            await self._files.record([done])

        await self._one_at_a_time(work)

    async def review(self, note: str, verdict: str, by: str, text: str = "") -> str:
        """Decide about a note that waits: `keep`, `forget`, or `edit` with the words of `text`.

        A proposal for a whole file is only taken out, see `reviews.decide`. Returns the file where it stands now; ""
        when it was forgotten or was a proposal. Raises NotFound, InvalidRequest.
        """
        if verdict not in ("keep", "forget", "edit") or (verdict == "edit" and not text.strip()):
            raise InvalidRequest("a review is `keep`, `forget`, or `edit` with the new text")

        async def work() -> str:
            waiting = (await self._placed(note, UNREVIEWED)).note
            kept = replace(waiting, text=cleaned(text) or waiting.text, trust="owner")
            if verdict != "forget" and not waiting.proposes:
                local = self._clock.now().astimezone(self.folder.zone)
                kept = replace(kept, file=file_for(kept.scope, f"{local:%Y-%m-%d}"))
                begun = note_begun(kept, "review", WrittenBy(person=by))
                added = await self._files.add(begun, kept, local)
                await self._files.record([ended(begun, added), *replaced(begun)])
                crashpoint("mind.review_added")
            begun = note_begun(replace(kept, file=UNREVIEWED), "review", WrittenBy(person=by))
            begun = begun.model_copy(update={"verdict": verdict})
            event = reviewed(self.state, begun, await self._files.take_out(begun))
            await self._files.record([event])
            return event.file

        return await self._one_at_a_time(work)

    async def _placed(self, note: str, file: str = "") -> PlacedNote:
        """Where a note stands. Raises NotFound."""
        found = await asyncio.to_thread(find_note, self.folder, note, file)
        if found is None:
            raise NotFound(f"no note '{note[:40]}' is there" + (" that waits for a review" if file else ""))
        return found

    # --- what all of them share -------------------------------------------------------------------------------------

    async def _one_at_a_time(self, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        self.last_used = self._clock.monotonic()

        async def alone() -> _T:
            async with self._lock:
                if self.log.problem is not None:
                    # Before a file is touched, which the log could not tell of.
                    raise self.log.problem
                if self._files.unsure or self.commands:
                    await self._reconcile(_changed_by(self))
                    self._files.unsure = False
                done = await work()
            self.written()
            return done

        # A caller that goes away must not leave a file without its record.
        return await shielded(alone())

    async def close(self) -> None:
        """Let the operation under way end, and give the log back."""
        async with self._lock:
            await self.log.close()

    async def reconcile(self, *, unattributed: bool = False) -> Sequence[str]:
        """Compare the files with the log, and write down what differs. Returns sentences about files left out.

        What differs was done by a person, but for a write of this mind that a crash cut short, and for what a command
        may have done: it is `unattributed`, as all of it is when the caller says so.
        """
        async with self._lock:
            return await self._reconcile("unattributed" if unattributed else _changed_by(self))

    async def _reconcile(self, by: Author) -> Sequence[str]:
        begun = self.state.writing
        theirs = await asyncio.to_thread(self.folder.sweep)
        found = await asyncio.to_thread(self.folder.read_all)
        events = differences(self.state, found.files, self.folder.zone, by)
        if events:
            await self.log.commit(lambda _: events)
        crashpoint("mind.reconciled")
        await self._files.drop(self.state.surplus)
        if begun is not None:
            await self._files.drop_unused(begun.before_sha256)
        if (forgetting := self.state.forgetting) is not None:
            # In sessions and indexes it is removed by `forgetting.Forgetter`, which goes on when these are there.
            await (self._take_out(forgetting) if forgetting.everywhere else self._go_on_forgetting(forgetting.notes))
        return (*found.faults, *(f"{name} has what a person saved at the same moment" for name in theirs))

    async def _go_on_forgetting(self, notes: Sequence[str]) -> None:
        """A crash came in the middle: what is still there is removed now."""
        for note in notes:
            try:
                await self._forget(await self._placed(note), "")
            except NotFound:
                await self._files.record([ForgettingEnded(notes=(note,))])


def _changed_by(mind: Mind) -> Author:
    """Who changed what differs now. The end of a command stands in the log when its work does."""
    return "unattributed" if mind.commands or mind.state.commands else "person"


def _keep_text(kept: dict[str, str], sha256: str, text: str) -> None:
    kept.pop(sha256, None)
    kept[sha256] = text
    while len(kept) > READ_TEXTS:
        del kept[next(iter(kept))]

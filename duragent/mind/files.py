"""The writes of one mind to its files.

The law: the old text as a blob first, then what is about to be written as a record, then the file. After a crash that
record tells what was ours. One write at a time: the actor sees to that.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from duragent.crashpoint import crashpoint
from duragent.errors import MemoryChanged, StoreFull, Unavailable
from duragent.journal.mind.events import MindEvent, WriteBegun
from duragent.journal.mind.state import KEPT_VERSIONS, FileVersion
from duragent.memory.base import MemoryNote
from duragent.memory.folder import FileText, MemoryFolder, Saved
from duragent.memory.writes import with_note, without_note
from duragent.mind.kind import MindLog
from duragent.system.os_errors import in_words, is_refusal

ATTEMPTS = 20
"""So often a note is added again when a person saves the file at the same time."""


class MindFiles:
    """Writes the files of one memory, each with its record before."""

    unsure = False
    """Whether a file may have been written of which the log has no record yet."""

    def __init__(self, log: MindLog, folder: MemoryFolder) -> None:
        self._log, self._folder = log, folder

    async def add(self, begun: WriteBegun, note: MemoryNote, local: datetime) -> Saved:
        """The file with one note more, or as it is when the note is there. Raises as `replace`."""
        zone = self._folder.zone
        return await self._change(begun, lambda before: with_note(before, note, local, zone), keep=True)

    async def take_out(self, begun: WriteBegun) -> Saved:
        """The file without the note. Its old text is not kept. Raises as `replace`."""
        return await self._change(begun, lambda before: without_note(before, begun.note, self._folder.zone), keep=False)

    async def _change(self, begun: WriteBegun, change: Callable[[FileText], str | None], *, keep: bool) -> Saved:
        for attempt in range(ATTEMPTS):
            before = await asyncio.to_thread(self._folder.read, begun.file)
            text = await asyncio.to_thread(change, before)
            if text is None:
                return Saved(begun.file, self._folder.path(begun.file), before.sha256, before.sha256)
            try:
                return await self.replace(begun, text, before, keep=keep)
            except MemoryChanged:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    async def replace(self, begun: WriteBegun, text: str, before: FileText, *, keep: bool = True) -> Saved:
        """Compare and swap. `keep`: for `undo`.

        Raises MemoryChanged, MemoryFull, InvalidFile; StoreFull, Unavailable where the disk does not take it.
        """
        after = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        planned = begun.model_copy(update={"before_sha256": before.sha256, "after_sha256": after})
        await self._log.commit(lambda _: [planned])
        crashpoint("mind.write_begun")
        self.unsure = True
        if keep and before.sha256:
            # Behind the record, which names it: so no blob is forgotten that nothing names.
            await self._log.put_blob(before.text.encode())
        try:
            saved = await asyncio.to_thread(self._folder.write, begun.file, text, before.sha256)
        except MemoryChanged:
            await self.drop_unused(before.sha256)
            raise
        except OSError as error:
            refused = StoreFull if is_refusal(error) else Unavailable
            raise refused(f"{self._folder.path(begun.file)} cannot be written: {in_words(error)}") from error
        crashpoint("mind.file_written")
        return saved

    async def record(self, events: Sequence[MindEvent]) -> None:
        """Write down what was done, and let go of versions that are too old for `undo`."""
        before = self._log.state
        await self._log.commit(lambda _: events)
        self.unsure = False
        crashpoint("mind.recorded")
        await self.drop(before.versions[-KEPT_VERSIONS:])

    async def drop(self, versions: Sequence[FileVersion]) -> None:
        """Remove the blobs of those versions that are not kept any more."""
        kept = {version.sha256 for version in self._log.state.versions[-KEPT_VERSIONS:]}
        for version in versions:
            if version.sha256 and version.sha256 not in kept:
                await self._log.drop_blob(version.sha256)

    async def drop_unused(self, sha256: str) -> None:
        """Remove the blob of a text that was to be replaced and was not."""
        if sha256 and all(version.sha256 != sha256 for version in self._log.state.versions):
            await self._log.drop_blob(sha256)

"""An index kept up to date, and written again when sessions were deleted: rows that are removed leave traces.

The law: that it is to be written again stands in the index itself, so that a crash in between changes nothing.
"""

from collections.abc import Mapping

from duragent.memory.recall import NoteRecall
from duragent.mind.said_source import SaidSource


class CleanIndex:
    """What a memory does with its index in the background."""

    def __init__(self, said: SaidSource, notes: NoteRecall) -> None:
        self._said, self._notes = said, notes
        self.has_traces = False
        """Whether it may still hold what was said in a session that was deleted."""

    def begin(self, indexed: Mapping[str, str]) -> None:
        """What it has of sessions, by place."""
        self.has_traces = self._said.begin(indexed)

    def deleted(self, session_id: str) -> None:
        """A session is not there any more."""
        self.has_traces = self._said.drop(session_id) or self.has_traces

    async def refresh(self) -> None:
        """Bring it up to date. Raises what stands in the way."""
        await (self.rewrite() if self.has_traces else self._notes.refresh())

    async def rewrite(self) -> None:
        """Make it again. Raises as `refresh`."""
        dropped, self.has_traces = self._said.end_dropped(), False
        try:
            await self._notes.rewrite()
        except BaseException:
            self._said.begin_dropped(dropped)
            self.has_traces = True
            raise

"""The summary of a session in memory: `state.yaml`, written when something that people look for in it has changed.

It is a cache, for eyes and for a fast start: what fails here is logged, and nothing is lost.
"""

import asyncio
import logging
from collections.abc import Callable

from duragent.errors import StoreError
from duragent.journal import snapshot
from duragent.journal.events import (
    AllowanceRevoked,
    ApprovalDecided,
    ApprovalRequested,
    SessionClosed,
    SessionCreated,
    SessionPaused,
    SessionRenamed,
    SessionResumed,
    ToolLost,
    TurnEnded,
)
from duragent.journal.snapshot import Snapshot
from duragent.journal.state import SessionState
from duragent.stores.base import Claim
from duragent.turn.ports import Ports

SUMMARIZED = (
    SessionCreated,
    SessionPaused,
    SessionResumed,
    SessionRenamed,
    SessionClosed,
    TurnEnded,
    ApprovalRequested,
    ApprovalDecided,
    AllowanceRevoked,
    ToolLost,
)
"""After these events it is written."""
_log = logging.getLogger(__name__)


class Summary:
    """Writes the summary. `seq` is the record at which it stands; `newest` gives the snapshot to write, or None."""

    def __init__(
        self, ports: Ports, claim: Claim, seq: int, newest: Callable[[], Snapshot[SessionState] | None]
    ) -> None:
        self._ports, self._claim, self._seq, self._newest = ports, claim, seq, newest
        self.task: asyncio.Task[None] | None = None

    def write_soon(self) -> None:
        """Start to write it in a task of its own; calls during a write become one more write."""
        if self.task is None or self.task.done():
            self.task = self._ports.spawn(self._write())

    async def _write(self) -> None:
        while (newest := self._newest()) is not None and self._seq < newest.state.seq:
            try:
                await self._ports.store.put_snapshot(self._claim, snapshot.dump(newest))
            except (OSError, StoreError) as error:
                # A cache: the log has everything.
                _log.warning("state.yaml of session %s was not written: %s", self._claim.stream_id, error)
                return
            self._seq = newest.state.seq

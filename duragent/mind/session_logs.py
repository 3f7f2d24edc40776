"""What a memory needs to know of sessions: which there are, and what stands in their logs."""

from collections.abc import Sequence
from typing import Any, Protocol

from duragent.journal.record import Record
from duragent.journal.state import SessionState


class SessionPart(Protocol):
    """Some records of a session, as `subscribers.base.LogPart` has them."""

    @property
    def agent(self) -> str: ...
    @property
    def records(self) -> Sequence[Record]: ...
    @property
    def gateway(self) -> str: ...
    @property
    def chat_id(self) -> str | None: ...


class SessionLogSource(Protocol):
    """Where what was said is read; see `subscribers.base.LogSource`."""

    async def part(self, stream: str, after: int, limit: int) -> SessionPart:
        """The records behind seq `after`. Raises SessionNotFound, StoreError, Stopping."""
        ...


class ListedSessions(Protocol):
    """The sessions that there are."""

    async def list(
        self, *, agent: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> tuple[Sequence[SessionState], str | None]:
        """A page, and the cursor of the next one."""
        ...

    def unread(self) -> "frozenset[str] | set[str] | Any":
        """Those of which it is not known yet whose they are."""
        ...

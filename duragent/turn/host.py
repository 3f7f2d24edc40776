"""What a turn needs of its session."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from duragent.bus import OutputDelta
from duragent.clock import Clock
from duragent.context.known_talk import KnownTalk
from duragent.errors import StoreError, StoreFull
from duragent.journal.events import Event
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.stores.base import BlobStore, Claim
from duragent.turn.history import History

FULL_STORE_PAUSE_SECONDS = 5.0
"""How long a turn waits when there was no room, before it tries again."""

_log = logging.getLogger(__name__)
T = TypeVar("T")
Decide = Callable[[SessionState], Sequence[Event]]


class InProgress(Protocol):
    """Output that is being written: a watcher that subscribes now must get it first."""

    def so_far(self) -> list[OutputDelta]: ...

    def over(self, state: SessionState) -> bool:
        """Whether its end is in the log already: then a new watcher gets that instead."""
        ...


class TurnHost(History, Protocol):
    """What a turn needs of its session."""

    @property
    def claim(self) -> Claim: ...
    @property
    def interrupt(self) -> asyncio.Event:
        """Set when the question under way must stop; `why_stop` says why."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the server stops: what can go on at the next start must end soon."""
        ...

    @property
    def can_work(self) -> bool:
        """False when the server stops, and when the log has failed."""
        ...

    @property
    def talk(self) -> KnownTalk:
        """The conversation as the last question had it."""
        ...

    async def commit(self, decide: Decide, *, then: Decide | None = None, claim: bool = False) -> list[Record]:
        """Write the events that `decide` names for the state that they will follow; durable on return.

        `then` names what follows on them in the same write. With `claim` the log gets a record that this process owns
        the turn, even when there are no other events.
        """
        ...

    async def wait_for_store(self, error: StoreError) -> None:
        """Wait until the store may take records again. Returns at once when the session stops."""
        ...

    def begin_output(self, output: InProgress) -> None:
        """From now on new watchers get this first, until `end_output`."""
        ...

    def end_output(self, output: InProgress) -> None: ...

    def publish(self, delta: OutputDelta) -> None: ...


async def interrupted_within(host: TurnHost, wait: Coroutine[Any, Any, None]) -> bool:
    """Wait; True when the session's interrupt came first, or was there already."""
    waiting = asyncio.ensure_future(wait)
    interrupted = asyncio.ensure_future(host.interrupt.wait())
    try:
        await asyncio.wait((waiting, interrupted), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        interrupted.cancel()
    return host.interrupt.is_set()


async def when_there_is_room(host: TurnHost, clock: Clock, work: Callable[[], Awaitable[T]]) -> T:
    """Store something that cannot be made again: while the store is full, wait and try again.

    Raises StoreFull only when the session is interrupted meanwhile.
    """
    while True:
        try:
            return await work()
        except StoreFull:
            if await interrupted_within(host, clock.sleep(FULL_STORE_PAUSE_SECONDS)):
                raise


async def keep_blob(host: TurnHost, store: BlobStore, clock: Clock, data: bytes) -> str:
    """Store it as a blob of the session, also if it has to wait for room; returns its SHA-256. Raises StoreError."""
    sha = hashlib.sha256(data).hexdigest()
    await when_there_is_room(host, clock, partial(store.put_blob, host.claim, sha, data))
    return sha


async def let_go(working: "asyncio.Future[Any]", name: str, seconds: float) -> None:
    """Cancel foreign code. When it does not stop in time, log that and go on without it."""
    if not working.done():
        working.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        working.cancel()
        done, _ = await asyncio.wait((working,), timeout=seconds)
        if not done:
            _log.error("%s did not end within %g s of being told to", name, seconds)


def why_stop(state: SessionState, stopping: bool) -> str | None:
    """Why a question to the model must not go on, as `ModelFailed.error` names it; None: it may."""
    if state.closed or (state.turn is not None and state.turn.cancelled):
        return "cancelled"
    if state.paused:
        return "paused"
    return "shutdown" if stopping else None

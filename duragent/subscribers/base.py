"""The contract of a listener: what happens in the logs is delivered to it after it is durable, and never in the way.

Promises of every listener on this shelf (`duragent.testing.check_listener` tries them):

- **It holds nothing up.** `told(stream, head)` is called after the records up to `head` are durable and published. It
  returns at once and raises nothing: it notes that the stream is dirty. All else happens in the task of `run`.
- **Bounded memory.** What waits is a set of streams. Their records wait in the log, and are read a few at a time.
- **A position of its own.** How far a stream was delivered is durable, in one small file for each stream. There is a
  file only while the stream may have a record that concerns the listener and was not delivered.
- **At least once.** The position is durable before such a record is (`expecting`), and moves on after its delivery. A
  process that is killed in between leaves the position behind, and the next one delivers the record, perhaps again.
- **What is off costs nothing.** Without records that concern it a listener has no file, is not woken and reads nothing.

A copy of a log has no positions: what the original delivered is not delivered again from a fork or an import.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from duragent.errors import DuragentError, SessionNotFound
from duragent.journal.record import Record
from duragent.stores.base import STREAM_ID
from duragent.stores.files.disk import Disk
from duragent.system.os_errors import in_words
from duragent.system.safe_read import read_file

BATCH = 100
"""How many records are read at a time."""

POSITION_MAX_BYTES = 64
"""No file of a position is longer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogPart:
    """Some records of a stream."""

    agent: str
    """The name of the agent that the stream belongs to."""
    records: Sequence[Record]
    """Oldest first, without a gap; () when there are none."""
    gateway: str = ""
    """The gateway of the chat that it belongs to; "" outside of chats."""
    chat_id: str | None = None
    """That chat's id at its gateway; None outside of chats."""


class LogSource(Protocol):
    """Where a listener reads."""

    async def part(self, stream: str, after: int, limit: int) -> LogPart:
        """The records behind seq `after`. Raises SessionNotFound when the stream is gone, else StoreError, Stopping."""
        ...


class Listener(Protocol):
    """What sessions know of a listener."""

    def told(self, stream: str, head: int) -> None:
        """The records of the stream up to `head` are durable and published. Returns at once, and raises nothing.

        0: the stream is gone.
        """
        ...

    async def run(self, source: LogSource) -> None:
        """Deliver until cancelled."""
        ...


class LogListener(ABC):
    """A listener that reads the log from its own positions. One task runs it; all else may be called at any time."""

    def __init__(self, positions: "Positions") -> None:
        self._positions = positions
        self._after: dict[str, int] = {}
        """By stream: the newest record that was delivered, or that does not concern the listener."""
        self._expected: Counter[str] = Counter()
        """By stream: commits under way of records that concern the listener."""
        self._dirty: dict[str, None] = {}
        """The streams to read, in the order in which they became dirty."""
        self._changing = asyncio.Lock()
        """Held while a position appears or disappears."""
        self._wake = asyncio.Event()

    # --- what a listener is -----------------------------------------------------------------------------------------

    @abstractmethod
    def concerns(self, record: Record) -> bool:
        """Whether the record is to be delivered. Pure."""

    @abstractmethod
    async def deliver(self, stream: str, agent: str, record: Record) -> None:
        """Deliver one record, within a bounded time. What it raises is logged, and the record counts as delivered."""

    # --- what a session does with it --------------------------------------------------------------------------------

    def told(self, stream: str, head: int) -> None:
        """See `Listener`."""
        if self._after.get(stream, head) < head:
            self._mark(stream)

    @asynccontextmanager
    async def expecting(self, stream: str, after: int) -> AsyncIterator[None]:
        """For a block that commits a record that concerns this listener, behind record `after` of the stream.

        A position that cannot be written holds nothing up: the log says that a crash may then lose the delivery.
        """
        self._expected[stream] += 1
        try:
            async with self._changing:
                if self._after.get(stream, after + 1) > after:
                    self._after[stream] = after
                    await self._save(stream, after)
            yield
        finally:
            self._expected[stream] -= 1
            if not self._expected[stream]:
                del self._expected[stream]
            self._mark(stream)

    def _mark(self, stream: str) -> None:
        self._dirty[stream] = None
        self._wake.set()

    @property
    def waiting(self) -> int:
        """How many streams wait to be read."""
        return len(self._dirty)

    # --- its task ---------------------------------------------------------------------------------------------------

    async def run(self, source: LogSource) -> None:
        """Deliver until cancelled, beginning with what an earlier process left."""
        for stream, after in (await self._positions.load()).items():
            self._after.setdefault(stream, after)
            self._mark(stream)
        while True:
            while self._dirty:
                stream = next(iter(self._dirty))
                del self._dirty[stream]
                if stream in self._after:
                    await self._read(source, stream)
            self._wake.clear()
            await self._wake.wait()

    async def _read(self, source: LogSource, stream: str) -> None:
        """Deliver some records of the stream; it becomes dirty again until there are no more."""
        try:
            part = await source.part(stream, self._after[stream], BATCH)
        except SessionNotFound:
            await self._forget(stream)
            return
        except DuragentError as error:
            # `told` is called when the session is opened again.
            _log.warning("what a listener has to deliver of session %s waits: %s", stream, error)
            return
        for record in part.records:
            if self.concerns(record):
                try:
                    await self.deliver(stream, part.agent, record)
                except Exception:
                    # One record must not end the listener.
                    _log.exception("record %d of session %s was not delivered", record.seq, stream)
                await self._save(stream, record.seq)
            self._after[stream] = record.seq
        if part.records:
            self._mark(stream)
        else:
            await self._forget(stream)

    async def _forget(self, stream: str) -> None:
        """Remove the position, unless a commit that concerns the listener is under way, or came after the last read."""
        async with self._changing:
            if not self._expected[stream] and stream not in self._dirty:
                self._after.pop(stream, None)
                with suppress(OSError):
                    await self._positions.remove(stream)

    async def _save(self, stream: str, after: int) -> None:
        try:
            await self._positions.save(stream, after)
        except OSError as error:
            why = in_words(error)
            _log.warning("a position of session %s was not written, a crash may lose deliveries: %s", stream, why)


class Positions:
    """One small file for each stream, in one folder, which is made with the first file.

    A file that holds no position counts as absent.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._disk = folder, Disk()

    async def load(self) -> dict[str, int]:
        """By stream; empty when there is no folder."""
        return await asyncio.to_thread(self._load)

    async def save(self, stream: str, after: int) -> None:
        """Durable on return. Raises OSError."""
        await asyncio.to_thread(self._save, stream, after)

    async def remove(self, stream: str) -> None:
        """Raises OSError. A removal that is lost in a crash costs a look at the stream."""
        await asyncio.to_thread(self._disk.unlink, self._folder / stream)

    def _load(self) -> dict[str, int]:
        try:
            names = self._disk.names(self._folder)
        except OSError:
            return {}
        return {name: after for name in names if STREAM_ID.match(name) and (after := self._read(name)) is not None}

    def _read(self, stream: str) -> int | None:
        try:
            text = read_file(self._folder / stream, POSITION_MAX_BYTES).decode("ascii", "replace").strip()
        except OSError:
            return None
        return int(text) if text.isascii() and text.isdecimal() else None

    def _save(self, stream: str, after: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._disk.replace(self._folder / stream, b"%d\n" % after)

"""How much of a session's log a request to a model may need, and how far back to read for it."""

from dataclasses import dataclass
from typing import Protocol

from duragent.errors import StoreError
from duragent.journal.events import Call, ModelReplied
from duragent.journal.record import Record
from duragent.journal.state import SessionState

BACK_LINES = 500
"""Lines that one step back through the log takes."""

_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class HistoryNeed:
    """How much of the log a request may need."""

    history_tokens: int
    """Of what was before the running turn."""
    turn_tokens: int = 0
    """Of the running turn, from the message that it began with."""
    after: int = 0
    """Records up to this one are not wanted: summaries tell of them."""
    all_behind: bool = False
    """All records behind `after` are wanted, however many they are."""


class HasRecords(Protocol):
    """A log of which records are read."""

    async def read_records(self, after: int, limit: int) -> list[Record]:
        """Records with seq > `after`, with their texts."""
        ...


class HasBlobs(Protocol):
    """A log of which blobs are read."""

    async def blob(self, sha256: str) -> bytes:
        """The blob of that name, which a record refers to. Raises Damaged when it is absent or changed."""
        ...


class History(HasRecords, HasBlobs, Protocol):
    """A session's log, as a request to a model needs it."""

    @property
    def state(self) -> SessionState:
        """The state after the newest record."""
        ...

    async def newest(self, need: HistoryNeed) -> tuple[list[Record], bool]:
        """The newest records, oldest first, at least as much as is needed; and whether no older ones are wanted."""
        ...


async def read_call(history: History, call_id: str) -> Call:
    """The open call with that id, as the model wrote it. Raises StoreError when the log does not have it."""
    turn = history.state.turn
    seq = turn.reply_seq if turn else 0
    for record in await history.read_records(seq - 1, 1) if seq else ():
        if isinstance(record.event, ModelReplied):
            for call in record.event.calls:
                if call.call == call_id:
                    return call
    raise StoreError(f"the log has no call '{call_id}' at record {seq}")


class Reach:
    """How far back to read, step by step, until there is as much as is needed.

    Counts the bytes of the stored lines, which is a little more than what the model sees of them.
    """

    def __init__(self, need: HistoryNeed, state: SessionState) -> None:
        self._need = need
        self._trigger = state.turn.trigger if state.turn else state.seq + 1
        self._turn_bytes = self._history_bytes = 0

    def enough(self, before: int) -> bool:
        """Whether nothing older than `before` is needed, after all from there on has been taken."""
        if self._need.all_behind:
            return False
        if before > self._trigger:
            most = max(self._need.turn_tokens, self._need.history_tokens)
            if self._turn_bytes > most * _BYTES_PER_TOKEN:
                return True
        return self._history_bytes > self._need.history_tokens * _BYTES_PER_TOKEN

    def take(self, first: int, size_bytes: int) -> None:
        """Lines were read, the oldest of them with the seq `first`."""
        if first >= self._trigger:
            self._turn_bytes += size_bytes
        else:
            self._history_bytes += size_bytes

"""How the logs of one kind become a state: what the writer and the recovery need to know of a kind.

The law: a kind brings its events, its state and a pure `apply`; it brings no way of its own to write or to recover.
`owner_claimed` and `log_recovered` are events of every kind, because the writer itself writes them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from duragent.errors import DuragentError
from duragent.journal.fold import decode_lines
from duragent.journal.line import split_lines
from duragent.journal.record import StreamRecord
from duragent.stores.base import StreamKind


class StreamState(Protocol):
    """What every state says of its log."""

    @property
    def seq(self) -> int:
        """The newest record; 0 before the first."""
        ...

    @property
    def epoch(self) -> int:
        """How many processes have owned the log; 0 before the first."""
        ...

    @property
    def node(self) -> str:
        """The id of the process that owns it."""
        ...


S = TypeVar("S", bound=StreamState)
R = TypeVar("R", bound=StreamRecord[Any])


@dataclass(frozen=True, slots=True)
class StreamFold(Generic[S, R]):
    """The events, the state and the fold of one kind of stream."""

    kind: StreamKind
    """Its name, its events, its snapshots and its errors."""
    initial: Callable[[str], S]
    """The state of a stream with this id before its first record."""
    apply: Callable[[S, R], S]
    """The state after one more record. Pure and total: it accepts every record and never raises."""
    record: Callable[..., R]
    """Makes a record of `(seq, ts, event)`."""
    deleted: Callable[[str], DuragentError] | None = None
    """The error for a stream that was deleted while it was written to; None: that of a stream that is not there."""

    def reduce(self, state: S, records: Iterable[R]) -> S:
        """The state after these records."""
        for record in records:
            state = self.apply(state, record)
        return state

    def steps(self, state: S, stream_id: str, block: bytes) -> Iterator[tuple[R, S]]:
        """Each record of stored lines that follow `state`, and the state after it.

        Raises Damaged at the first line that is no record; all before it were yielded.
        """
        for _, record in decode_lines(split_lines(block), stream_id, state.seq, types=self.kind.types):
            state = self.apply(state, record)  # type: ignore[arg-type]  # `types` are those of R
            yield record, state  # type: ignore[misc]  # the same

    def gone(self, stream_id: str) -> DuragentError:
        """The error for a caller that was still writing when the stream was deleted."""
        return (self.deleted or self.kind.not_found)(stream_id)

"""The contract of a reader: it reads the streams of a store beside its writer, for commands that need no server.

Such a reader takes no lock and changes nothing. What a writer is just doing is not called damage.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from duragent.errors import Damaged
from duragent.journal.record import Record


@dataclass(slots=True)
class Checkup:
    """What a look at every line and every blob of a stream found.

    A torn tail is no damage: it was never acknowledged, and is cut off when the stream is opened.
    """

    stream_id: str
    records: int = 0
    """The seq of the last record that can be trusted."""
    blobs: int = 0
    """How many blobs are there and are what their names say."""
    good_bytes: int = 0
    """How long the part of the log is that can be trusted."""
    behind_bytes: int = 0
    """What follows that part: a torn tail, or what is damaged and all behind it."""
    damage: Damaged | None = None
    """The first fault; None for a stream that is whole."""
    kept_aside: tuple[str, ...] = ()
    """The names of files that a recovery or a repair has set aside; empty when there are none."""
    lost_blobs: list[str] = field(default_factory=list)
    """The SHA-256 of each blob that is absent or changed, and was not forgotten."""
    notes: tuple[str, ...] = ()
    """What could not be read of a log of duragent-rust, one sentence each."""

    @property
    def is_whole(self) -> bool:
        return self.damage is None


class StoreReader(Protocol):
    """The sessions of one store, without a claim. Blocking; may be used by any thread."""

    def stream_ids(self) -> list[str]:
        """All that have a log, or a summary of one, oldest id first."""
        ...

    def last_changed_first(self) -> list[str]:
        """The same, by when their log was written last."""
        ...

    def named(self, part: str) -> list[str]:
        """The ids with that part, in upper or lower case, in their order. There need be no record under such an id."""
        ...

    def read(self, stream_id: str, after: int = 0) -> Iterator[Record]:
        """The records behind seq `after`, with their texts. A torn tail is not shown.

        Raises SessionNotFound, and Damaged at the first record that cannot be trusted, after those before it.
        """
        ...

    def lines(self, stream_id: str, after: int = 0) -> Iterator[bytes]:
        """The stored lines behind seq `after`, each with its newline. Raises as `read` does."""
        ...

    def blob(self, stream_id: str, sha256: str) -> bytes:
        """The blob of that name; of one that was forgotten, the sentence that says so.

        Raises Damaged when it is absent or changed, Unavailable.
        """
        ...

    def summary(self, stream_id: str) -> bytes:
        """The snapshot as it is stored. Raises FileNotFoundError when there is none, OSError when it cannot be read."""
        ...

    def is_legacy(self, stream_id: str) -> bool:
        """Whether the log is still the one that duragent-rust wrote. Raises OSError."""
        ...

    def check(self, stream_id: str) -> Checkup:
        """Look at every line, every blob and the snapshot. One of which only the snapshot is left counts as damaged.

        Raises SessionNotFound.
        """
        ...

    def repaired(self, stream_id: str) -> list[str]:
        """Where each damaged part is that a repair has set aside, for people."""
        ...

    def leftovers(self) -> list[str]:
        """What a deletion or an import that was cut short has left; the next start of a server removes it."""
        ...

"""A kind of stream for the tests of this room: a notebook of pages, and the ports of one process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from duragent.errors import NotFound, StoreError
from duragent.journal.events import LogRecovered, OwnerClaimed
from duragent.journal.record import StreamRecord
from duragent.journal.snapshot import SnapshotForm
from duragent.stores.base import Store, StreamKind
from duragent.streams.fold import StreamFold
from duragent.streams.stream_log import StreamLog, StreamPorts
from duragent.testing import FakeClock
from duragent.testing.store_kinds import EntryStruck, EntryWritten, NotebookOpened


@dataclass(frozen=True, slots=True)
class Book:
    """The state of a notebook."""

    book: str
    seq: int = 0
    epoch: int = 0
    node: str = ""
    entries: tuple[str, ...] = ()
    recovered: int = 0


def apply(state: Book, record: StreamRecord[Any]) -> Book:
    at = replace(state, seq=record.seq)
    match record.event:
        case OwnerClaimed() as owner:
            return replace(at, epoch=owner.epoch, node=owner.node)
        case LogRecovered():
            return replace(at, recovered=at.recovered + 1)
        case EntryWritten(text=text):
            return replace(at, entries=(*at.entries, text))
    return at


KIND = StreamKind(
    "notebook",
    {
        "owner_claimed": OwnerClaimed,
        "log_recovered": LogRecovered,
        "notebook_opened": NotebookOpened,
        "entry_written": EntryWritten,
        "entry_struck": EntryStruck,
    },
    lambda stream_id: NotFound(f"notebook '{stream_id}' not found"),
    StoreError,
    SnapshotForm("test/notebook/v1", Book, "book"),
    "book-",
)
FOLD: StreamFold[Book, StreamRecord[Any]] = StreamFold(KIND, Book, apply, StreamRecord)
BookLog = StreamLog[Book, StreamRecord[Any]]


def ports(store: Store, node: str = "n1") -> StreamPorts:
    return StreamPorts(store, FakeClock(), node, asyncio.ensure_future)


def first() -> Sequence[NotebookOpened]:
    return [NotebookOpened(owner="assistant")]


async def write(log: BookLog, *texts: str) -> None:
    await log.commit(lambda _: [EntryWritten(text=text) for text in texts])

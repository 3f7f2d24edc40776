"""The client that the product ships, over connections that break, and what it showed its user."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from duragent.client.client import Client
from duragent.client.watch import CaughtUp, Connected, Item, Reconnecting, Reset
from duragent.journal.events import Opaque
from duragent.journal.record import Record
from duragent.wire import Delta, Hello
from tests.campaigns.streams_texts import Texts
from tests.support.until import until


@dataclass
class TypedWatcher:
    """`after` and `tail` as for `Client.watch`."""

    session_id: str
    after: int | None = None
    tail: int | None = None
    records: list[Record] = field(default_factory=list)
    texts: Texts = field(default_factory=Texts)
    greeted: int = 0
    lost: int = 0
    told_lost: int = 0
    """Losses that the user knows of and was not told the end of."""

    @property
    def last(self) -> int:
        return self.records[-1].seq if self.records else self.after or 0

    async def follow(self, client: Client) -> None:
        async with aclosing(client.watch(self.session_id, after=self.after, tail=self.tail)) as items:
            async for item in items:
                self.take(item)

    def take(self, item: Item) -> None:
        match item:
            case Hello():
                self.greeted += 1
                assert not self.told_lost, "the connection is back, and nobody says so"
                assert item.head >= self.last, f"record {self.last} was shown, and now the head is {item.head}"
                self.texts.begin()
            case Record():
                self._record(item)
            case Delta():
                self.texts.delta(item.model_dump())
            case Reconnecting():
                self.lost += 1
                self.told_lost += self.greeted > 0
            case Connected():
                assert self.told_lost
                self.told_lost = 0
            case CaughtUp():
                pass
            case Reset():
                raise AssertionError("told to forget what it was shown")

    def _record(self, record: Record) -> None:
        if self.records or self.tail is None:
            assert record.seq == self.last + 1, f"record {record.seq} behind {self.last}"
        self.records.append(record)
        self.texts.record(fields_of(record))

    async def until(self, head: int) -> None:
        await until(lambda: self.last >= head)


def fields_of(record: Record) -> Mapping[str, object]:
    event = record.event
    return {"type": event.type} if isinstance(event, Opaque) else event.model_dump()

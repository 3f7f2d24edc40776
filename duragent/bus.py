"""Told after durable: how what a session commits, and what it is just saying, reaches those who watch.

Each watcher has its own bounded queue, so that a slow one slows nobody. Pieces of an answer (`Delta`) collapse into one
while they wait; when durable records pile up beyond the bound the watcher is let go, and resumes from the log by seq.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

DeltaKind = Literal["text", "reasoning", "output"]

MAX_WAITING_BYTES = 4 << 20
"""Durable bytes that may wait for one watcher."""


MAX_OUTPUT_CHARS = 64 << 10
"""Of a command's output, so much waits for one watcher; the whole is in its result."""


@dataclass(frozen=True, slots=True)
class Block:
    """Durable records: their stored lines, each with its newline, from `first_seq` to `last_seq`."""

    lines: bytes
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer that is being written, or of the output of `call` that is running.

    `offset` counts characters from the attempt's start.
    """

    turn: str
    step: int
    attempt: int
    kind: DeltaKind
    offset: int
    text: str
    call: str = ""

    def followed_by(self, later: "Delta") -> "Delta | None":
        """Both as one, or None when they do not follow each other."""
        mine = (self.turn, self.step, self.attempt, self.kind, self.call, self.offset + len(self.text))
        if mine != (later.turn, later.step, later.attempt, later.kind, later.call, later.offset):
            return None
        return replace(self, text=self.text + later.text)


class Subscription:
    """One watcher's queue. `next` waits for the next item; None when this watcher was let go or the topic closed."""

    def __init__(self) -> None:
        self._waiting: deque[Block | Delta] = deque()
        self._bytes = 0
        self._open = True
        self._news = asyncio.Event()

    async def next(self) -> Block | Delta | None:
        while not self._waiting:
            if not self._open:
                return None
            self._news.clear()
            await self._news.wait()
        item = self._waiting.popleft()
        if isinstance(item, Block):
            self._bytes -= len(item.lines)
        return item

    def forget_deltas(self) -> None:
        """Drop the pieces that wait: the caller has the whole answer so far."""
        self._waiting = deque(item for item in self._waiting if isinstance(item, Block))

    def put(self, item: Block | Delta) -> None:
        if isinstance(item, Delta) and item.kind == "output":
            self._put_output(item)
            return
        if isinstance(item, Block):
            self._bytes += len(item.lines)
            if self._bytes > MAX_WAITING_BYTES and self._waiting:
                self._waiting.clear()
                self.close()
        elif self._waiting and isinstance(last := self._waiting[-1], Delta) and (both := last.followed_by(item)):
            self._waiting[-1] = both
            return
        if self._open:
            self._waiting.append(item)
            self._news.set()

    def _put_output(self, item: Delta) -> None:
        """What a command prints knows no end: of each call only the newest part waits for a slow watcher."""
        for at in range(len(self._waiting) - 1, -1, -1):
            before = self._waiting[at]
            if isinstance(before, Block):
                break
            if before.kind == "output" and before.call == item.call:
                both = before.followed_by(item) or item
                cut = max(len(both.text) - MAX_OUTPUT_CHARS, 0)
                self._waiting[at] = replace(both, offset=both.offset + cut, text=both.text[cut:])
                return
        if self._open:
            self._waiting.append(item)
            self._news.set()

    def close(self) -> None:
        self._open = False
        self._news.set()


class Topic:
    """Where one session's news is published."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def __len__(self) -> int:
        return len(self._subscriptions)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def publish(self, item: Block | Delta) -> None:
        for subscription in self._subscriptions:
            subscription.put(item)

    def close(self) -> None:
        """Let every watcher go, after what waits for it."""
        for subscription in self._subscriptions:
            subscription.close()

"""Told after durable: how what a session commits, and what it is just saying, reaches those who watch.

Each watcher has its own bounded queue, so that a slow one slows nobody. Pieces of an answer (`Delta`) collapse into one
while they wait; when more piles up than the bound the watcher is let go, and resumes from the log by seq.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

DeltaKind = Literal["text", "reasoning", "output"]

MAX_WAITING_BYTES = 4 << 20
"""What may wait for one watcher: bytes of records and characters of pieces."""

MAX_OUTPUT_CHARS = 64 << 10
"""Of a command's output, so much waits for one watcher; the whole is in its result."""


@dataclass(frozen=True, slots=True)
class Block:
    """Durable records: their stored lines, each with its newline, from `first_seq` to `last_seq`."""

    lines: bytes
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class OutputDelta:
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

    def goes_on_with(self, later: "OutputDelta") -> bool:
        """Whether the later piece begins where this one ends."""
        mine = (self.turn, self.step, self.attempt, self.kind, self.call, self.offset + len(self.text))
        return mine == (later.turn, later.step, later.attempt, later.kind, later.call, later.offset)


class Subscription:
    """One watcher's queue. `next` waits for the next item; None when this watcher was let go or the topic closed."""

    def __init__(self) -> None:
        self._waiting: deque[Block | OutputDelta] = deque()
        self._size = 0
        self._open = True
        self._news = asyncio.Event()

    async def next(self) -> Block | OutputDelta | None:
        while not self._waiting:
            if not self._open:
                return None
            self._news.clear()
            await self._news.wait()
        item = self._waiting.popleft()
        self._size -= _size(item)
        return item

    def forget_deltas(self) -> None:
        """Drop the pieces that wait: the caller has the whole answer so far."""
        self._waiting = deque(item for item in self._waiting if isinstance(item, Block))
        self._size = sum(_size(item) for item in self._waiting)

    def put(self, item: Block | OutputDelta) -> None:
        if not self._open:
            return
        at = self._continued_by(item) if isinstance(item, OutputDelta) else None
        if isinstance(item, OutputDelta) and at is not None:
            before = self._waiting[at]
            self._size -= _size(before)
            self._waiting[at] = item = _as_one(before, item)
        else:
            self._waiting.append(item)
        self._size += _size(item)
        if self._size > MAX_WAITING_BYTES and len(self._waiting) > 1:
            self._waiting.clear()
            self.close()
        self._news.set()

    def _continued_by(self, item: OutputDelta) -> int | None:
        """The place of the waiting piece that becomes one with this: the last, or of output the last of its call."""
        if item.kind == "output":
            return self._last_output_of(item.call)
        last = self._waiting[-1] if self._waiting else None
        return len(self._waiting) - 1 if isinstance(last, OutputDelta) and last.goes_on_with(item) else None

    def _last_output_of(self, call: str) -> int | None:
        for at in range(len(self._waiting) - 1, -1, -1):
            before = self._waiting[at]
            if isinstance(before, Block):
                break
            if before.kind == "output" and before.call == call:
                return at
        return None

    def close(self) -> None:
        self._open = False
        self._news.set()


def _size(item: Block | OutputDelta) -> int:
    return len(item.lines) if isinstance(item, Block) else len(item.text)


def _as_one(before: Block | OutputDelta, later: OutputDelta) -> OutputDelta:
    """What a command prints knows no end: of each call only the newest part waits for a slow watcher."""
    text = before.text + later.text if isinstance(before, OutputDelta) and before.goes_on_with(later) else later.text
    cut = max(len(text) - MAX_OUTPUT_CHARS, 0) if later.kind == "output" else 0
    return replace(later, offset=later.offset + len(later.text) - len(text) + cut, text=text[cut:])


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

    def publish(self, item: Block | OutputDelta) -> None:
        for subscription in self._subscriptions:
            subscription.put(item)

    def close(self) -> None:
        """Let every watcher go, after what waits for it."""
        for subscription in self._subscriptions:
            subscription.close()

"""Publishing after the commit: how durable records, and the output in progress, reach a session's watchers.

Each watcher has its own bounded queue, so that a slow one does not slow the others. Pieces of an answer (`OutputDelta`)
collapse into one while they wait, and so do records. Where many watch one session they are woken together, at short
intervals: waking each for each record would take longer than the records. A watcher whose queue passes the bound is
disconnected, and resumes from the log by seq.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

DeltaKind = Literal["text", "reasoning", "output"]

MAX_WAITING_BYTES = 4 << 20
"""The bound of one watcher's queue: bytes of records and characters of output."""

MAX_OUTPUT_CHARS = 64 << 10
"""How much of a command's output waits for one watcher, the newest; the whole is in the result of the call."""


TAKEN_MAX_BYTES = 16 << 10
"""Records that wait are taken as one block up to this size."""

CROWD = 16
"""So many watchers of one session are woken together."""

SECONDS_FOR_EACH = 0.0002
"""Between two times when a crowd is woken, for each of its watchers."""


@dataclass(frozen=True, slots=True)
class Block:
    """Durable records."""

    lines: bytes
    """Their stored lines, each with its newline."""
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class OutputDelta:
    """A piece of an answer that is being written, or of the output of a call that is running."""

    turn: str
    """The turn's id."""
    step: int
    """Counts the requests to the model of this turn, from 1."""
    attempt: int
    """Counts the attempts of this step or of this call, from 1."""
    kind: DeltaKind
    offset: int
    """In characters, from the start of the attempt."""
    text: str
    call: str = ""
    """The call's id; "" for a piece of an answer."""

    def goes_on_with(self, later: "OutputDelta") -> bool:
        """Whether the later piece begins where this one ends."""
        mine = (self.turn, self.step, self.attempt, self.kind, self.call, self.offset + len(self.text))
        return mine == (later.turn, later.step, later.attempt, later.kind, later.call, later.offset)


class Subscription:
    """One watcher's queue."""

    def __init__(self) -> None:
        self._waiting: deque[Block | OutputDelta] = deque()
        self._size = 0
        self._open = True
        self._news = asyncio.Event()

    async def next(self) -> Block | OutputDelta | None:
        """Wait for the next item; None when the queue passed its bound, or the topic was closed."""
        while not self._waiting:
            if not self._open:
                return None
            self._news.clear()
            await self._news.wait()
        item = self._waiting.popleft()
        self._size -= _size(item)
        return self._with_more(item) if isinstance(item, Block) else item

    def _with_more(self, block: Block) -> Block:
        """The block with those that wait behind it."""
        lines, last, size = [block.lines], block.last_seq, len(block.lines)
        while self._waiting and isinstance(more := self._waiting[0], Block):
            size += len(more.lines)
            if size > TAKEN_MAX_BYTES or more.first_seq != last + 1:
                break
            self._size -= len(more.lines)
            lines.append(more.lines)
            last = more.last_seq
            self._waiting.popleft()
        return block if len(lines) == 1 else Block(b"".join(lines), block.first_seq, last)

    def forget_deltas(self) -> None:
        """Drop the output that waits: the caller sends all of it from its source."""
        self._waiting = deque(item for item in self._waiting if isinstance(item, Block))
        self._size = sum(_size(item) for item in self._waiting)

    def put(self, item: Block | OutputDelta, *, wake: bool = True) -> None:
        """Queue an item; an item that passes the bound closes the queue, and drops what waits.

        Without `wake` the watcher may sleep on, until `wake` is called.
        """
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
        if wake:
            self.wake()

    def wake(self) -> None:
        """Let the watcher look at what waits."""
        self._news.set()

    def _continued_by(self, item: OutputDelta) -> int | None:
        """The index of the waiting piece that this one is appended to: the last, or for output the last of its call."""
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
        """End it after the items that wait."""
        self._open = False
        self._news.set()


def _size(item: Block | OutputDelta) -> int:
    return len(item.lines) if isinstance(item, Block) else len(item.text)


def _as_one(before: Block | OutputDelta, later: OutputDelta) -> OutputDelta:
    """Both pieces as one. Output of commands is cut to its newest part: it may never end."""
    text = before.text + later.text if isinstance(before, OutputDelta) and before.goes_on_with(later) else later.text
    cut = max(len(text) - MAX_OUTPUT_CHARS, 0) if later.kind == "output" else 0
    return replace(later, offset=later.offset + len(later.text) - len(text) + cut, text=text[cut:])


class Topic:
    """Publishes to the watchers of one session."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._woken_at = 0.0
        self._waking: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many watch."""
        return len(self._subscriptions)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """A queue that gets everything published from now on, until the block ends."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def publish(self, item: Block | OutputDelta) -> None:
        """Put it into every watcher's queue. Never waits."""
        wake = len(self._subscriptions) < CROWD or self._may_wake_now()
        for subscription in self._subscriptions:
            subscription.put(item, wake=wake)

    def _may_wake_now(self) -> bool:
        """Whether a crowd has slept long enough; if not, it is woken when it has."""
        if self._waking is not None:
            return False
        loop = asyncio.get_running_loop()
        now = loop.time()
        wait = self._woken_at + len(self._subscriptions) * SECONDS_FOR_EACH - now
        if wait <= 0:
            self._woken_at = now
            return True
        self._waking = loop.call_later(wait, self._wake)
        return False

    def _wake(self) -> None:
        self._waking, self._woken_at = None, asyncio.get_running_loop().time()
        for subscription in self._subscriptions:
            subscription.wake()

    def close(self) -> None:
        """Disconnect every watcher, after the items in its queue."""
        for subscription in self._subscriptions:
            subscription.close()

"""What a watcher gets: the log from where it left off, then new records and output, each record once and in order."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.bus import Block, OutputDelta, Subscription
from duragent.journal.line import first_seq, last_seq, lines_between

if TYPE_CHECKING:
    from duragent.journal.state import SessionState
    from duragent.turn.host import InProgress

REPLAY_LINES = 2_000
"""How many stored lines are read at a time."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """The first item: where the log stands."""

    head: int
    """The seq of the newest record."""
    oldest: int
    """The seq of the oldest record that can be read."""
    log: str
    """Names the log: another name means another log under the same id."""


def log_name(state: "SessionState") -> str:
    """See `LogHead.log`."""
    repaired = f"~{state.repaired}" if state.repaired else ""
    return f"{state.session_id}@{state.created_at}{repaired}"


@dataclass(frozen=True, slots=True)
class ReplayEnd:
    """Everything up to `LogHead.head` was sent; from here on items are live."""


@dataclass(frozen=True, slots=True)
class LogReset:
    """The watcher is ahead of the log: what it has is of another log. It starts again from 0."""


Watched = LogHead | Block | ReplayEnd | LogReset | OutputDelta


@dataclass(frozen=True, slots=True)
class Source:
    """What a watcher of one session reads from."""

    hello: LogHead
    read: Callable[[int, int], Awaitable[bytes]]
    """Stored lines behind a seq, at most so many; see `Store.read`."""
    shown: "Callable[[], Sequence[InProgress]]"
    """The output in progress."""


async def follow(source: Source, subscription: Subscription, after: int) -> AsyncGenerator[Watched, None]:
    """The items for one watcher. `subscription` began before `source.hello` was made, so nothing falls between."""
    hello = source.hello
    yield hello
    if after > hello.head:
        yield LogReset()
        after = 0
    while after < hello.head:
        block = as_block(await source.read(after, min(REPLAY_LINES, hello.head - after)))
        yield block
        after = block.last_seq
    yield ReplayEnd()
    subscription.forget_deltas()
    for shown in source.shown():
        # Behind the records that wait, for its beginning is one of them.
        for delta in shown.so_far():
            subscription.put(delta)
    while (item := await subscription.next()) is not None:
        if isinstance(item, OutputDelta) or item.first_seq > after:
            yield item
        elif item.last_seq > after:
            # A batch that the replay saw the beginning of.
            yield as_block(lines_between(item.lines, after, item.last_seq))
        if isinstance(item, Block):
            after = max(after, item.last_seq)


def as_block(lines: bytes) -> Block:
    """Stored lines as one block."""
    return Block(lines, first_seq(lines), last_seq(lines))

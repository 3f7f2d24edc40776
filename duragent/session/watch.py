"""What a watcher gets: the log from where it left off, then what happens, each record once and in order."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from duragent.bus import Block, OutputDelta, Subscription
from duragent.journal.line import first_seq, last_seq, lines_between
from duragent.turn.host import InProgress

REPLAY_LINES = 2_000


@dataclass(frozen=True, slots=True)
class LogHead:
    """The first item. `log` names the log: another name means another log under the same id."""

    head: int
    oldest: int
    log: str


@dataclass(frozen=True, slots=True)
class ReplayEnd:
    """Everything up to the head of `Hello` was sent; from here on it is live."""


@dataclass(frozen=True, slots=True)
class LogReset:
    """The watcher is ahead of the log: what it has is of another log. It starts again from 0."""


Watched = LogHead | Block | ReplayEnd | LogReset | OutputDelta


@dataclass(frozen=True, slots=True)
class Source:
    """What there is to watch of one session."""

    hello: LogHead
    read: Callable[[int, int], Awaitable[bytes]]
    shown: Callable[[], Sequence[InProgress]]


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

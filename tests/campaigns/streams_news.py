"""What happens in sessions while clients watch: messages and titles of many sizes, and characters that mean harm."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from duragent.client.client import Client
from duragent.wire import SendMessage
from tests.support.until import take_time

HOSTILE = (
    "\u2028",
    "\u2029",
    "\x85",
    "\x00",
    "\x7f",
    "\r",
    "\r\n",
    "\n\n",
    "\ud800",
    "\udfff\ud83d",
    "\U0001f980",
    "é",
    "data: x",
    "\ndata: {}\n\n",
    "\nid: 999\n",
    "event: caught_up",
    ": keep-alive\n\nevent: reset\ndata: {}\n\n",
    '","crc":"00000000"}',
    '{"blob":"' + "0" * 64 + '"',
    "\ufeff",
    "\x1b[2J",
)

LARGEST = (("b", 1_900_000), ("\x7f", 1_900_000 // 3), ("\U0001f980", 450_000), ("\x00", 340_000))
"""A character, and how many of it a message can about have."""


def text_of(chance: random.Random, big: float) -> str:
    """`big`: how many of a hundred are so large that a line of the log only just holds them, or does not."""
    match chance.choices(("tiny", "words", "hostile", "line", "blob"), (30, 30, 30, 0.6 * big, 0.4 * big))[0]:
        case "tiny":
            return chance.choice(("x", "é", "hello", "7", "."))
        case "words":
            return " ".join("w" * chance.randint(1, 30) for _ in range(chance.randint(2, 12)))
        case "hostile":
            return "".join(chance.choice((*HOSTILE, " ", "a")) for _ in range(chance.randint(1, 40)))
        case "line":
            # It just fits into a line of the log.
            return "x" * chance.randint(300_000, 1_000_000)
        case _:
            char, most = chance.choice(LARGEST)
            return char * chance.randint(most // 2, most)


def title_of(chance: random.Random) -> str:
    return "".join(chance.choice('ab\u2028\x85é\U0001f980"\\:') for _ in range(chance.randint(1, 60)))


@dataclass(frozen=True)
class News:
    """Where it happens, and how often it is large."""

    client: Client
    sessions: Sequence[str]
    big: float


async def make_news(news: News, chance: random.Random, until: asyncio.Event) -> None:
    """Now and then something, until told to end."""
    client = news.client
    while not until.is_set():
        session = chance.choice(news.sessions)
        match chance.choices(("say", "repeat", "title", "cancel"), (30, 40, 25, 5))[0]:
            case "say":
                await client.post_message(session, SendMessage(content=text_of(chance, news.big)))
            case "repeat":
                await client.post_message(session, SendMessage(content=f"repeat {text_of(chance, news.big)}"))
            case "title":
                await client.rename_session(session, title_of(chance))
            case _:
                await client.cancel(session)
        await take_time(chance.uniform(0, 0.2))


async def all_idle(client: Client, sessions: Sequence[str]) -> None:
    """Return when no turn is under way. Running turns are cancelled: a long answer would take too long."""
    for session in sessions:
        while (await client.session(session)).status == "running":
            await client.cancel(session)
            await take_time(0.02)

"""The summary of a stretch of a log by code: free, offline, and the same on every machine.

The law: it is made from the records themselves, on every level, so that no fault of one summary comes into another.
Each message gives its beginning, each answer its first sentence; of too many those at equal distances stay.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from duragent.journal.events import MessageReceived, ModelReplied
from duragent.journal.record import Record
from duragent.memory.facts import FactSheet
from duragent.text import cut_to

FACTS_SHARE = 0.4
"""Of a summary for facts."""

LINE_CHARS = 160
"""Of one message or answer; `_SHORTER` when there are many."""

_SHORTER = (LINE_CHARS, 100, 60)
_LEFT_OUT = "(… {count} messages in between)"
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s|\n|(?<=[\u3002\uff01\uff1f])")


@dataclass(frozen=True, slots=True)
class Extract:
    """What code says of a zone."""

    text: str
    """What was said, one line for each message that was chosen."""
    facts: str
    """See `facts.FactSheet.text`."""
    source_sha256: str
    """Over the texts that it was made from."""


class Extracting:
    """Reads the records of a zone in their order, in as many pieces as one likes."""

    def __init__(self) -> None:
        self._facts = FactSheet()
        self._lines: list[tuple[str, str]] = []
        self._digest = hashlib.sha256()

    def take(self, record: Record) -> None:
        event = record.event
        self._facts.take(record)
        match event:
            case MessageReceived():
                name = event.sender.name if event.sender and event.sender.name else "user"
                self._add(record.seq, name, event.text)
            case ModelReplied() if event.text.strip():
                self._add(record.seq, "agent", event.text)
            case _:
                pass
        self._digest.update(f"{record.seq} {record.ts}\n".encode())

    def _add(self, seq: int, who: str, text: str) -> None:
        self._digest.update(text.encode("utf-8", "surrogatepass"))
        beginning = " ".join(text[: 8 * LINE_CHARS].split())
        if who == "agent":
            beginning = first_sentence(text)
        if beginning:
            self._lines.append((f"#{seq} {cut_to(' '.join(who.split()), 40)}:", beginning))

    def made(self, limit: int, tokens: Callable[[str], int]) -> Extract:
        """The summary, of at most so many tokens."""
        facts = self._facts.text(int(limit * FACTS_SHARE), tokens)
        text = _fitted(self._lines, limit - tokens(facts) - 2, tokens)
        return Extract(text, facts, self._digest.hexdigest())


def first_sentence(text: str) -> str:
    """Of an answer: its first sentence that says something, on one line."""
    for part in _SENTENCE_END.split(text[: 16 * LINE_CHARS]):
        if part.strip(" \t\n#*->`"):
            return " ".join(part.split())
    return ""


def _fitted(lines: Sequence[tuple[str, str]], limit: int, tokens: Callable[[str], int]) -> str:
    for chars in _SHORTER:
        text = _joined(lines, len(lines), chars)
        if tokens(text) <= limit:
            return text
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tokens(_joined(lines, middle, _SHORTER[-1])) <= limit else (low, middle - 1)
    text = _joined(lines, low, _SHORTER[-1])
    return text if tokens(text) <= limit else ""


def _joined(lines: Sequence[tuple[str, str]], count: int, chars: int) -> str:
    """So many of the lines, at equal distances, the first and the last among them; a line counts those left out."""
    if count >= len(lines):
        return "\n".join(f"{who} {cut_to(said, chars)}" for who, said in lines)
    last = len(lines) - 1
    places = sorted({round(at * last / max(count - 1, 1)) for at in range(count)})
    told = [f"{lines[at][0]} {cut_to(lines[at][1], chars)}" for at in places]
    told.insert(len(told) // 2 + len(told) % 2, _LEFT_OUT.format(count=len(lines) - len(places)))
    return "\n".join(told)


def extract(records: Sequence[Record], limit: int, tokens: Callable[[str], int]) -> Extract:
    """The summary of these records."""
    extracting = Extracting()
    for record in records:
        extracting.take(record)
    return extracting.made(limit, tokens)

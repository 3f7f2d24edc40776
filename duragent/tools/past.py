"""What the tools `history` and `goals` need of their session."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from duragent.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class SearchedRecords:
    """What a search in the records of a session found."""

    found: Sequence[tuple[int, str, str]] = ()
    """(seq, who, text), the newest first; texts are cut around one of the words."""
    unread_upto: int = 0
    """There was no time to look at the records up to this one; 0 when all were looked at, or enough was found."""


@dataclass(frozen=True, slots=True)
class OlderRecord:
    """Something that was said in another session."""

    session: str
    """The end of its session's id: enough of it to read there."""
    seq: int
    """The record."""
    who: str
    """`user` or `agent`."""
    day: str
    """When it was said, such as `2026-11-21`; "" when that is not known."""
    text: str
    """A part of it."""


class RecordsPort(Protocol):
    """The records of the session in which a tool runs."""

    async def search(self, words: Sequence[str], limit: int, most_chars: int) -> SearchedRecords:
        """The newest records that have all these words. Takes a bounded time."""
        ...

    async def range(self, first: int, last: int, limit: int, most_chars: int) -> Sequence[tuple[int, str, str]]:
        """(seq, who, text) of the first records of a range that say something, oldest first; texts are cut."""
        ...


class OlderPort(Protocol):
    """What the agent's other sessions say, as far as the session in which a tool runs may read them."""

    async def search(self, query: str, limit: int, most_chars: int) -> Sequence[OlderRecord]:
        """What has any of these words, the best first, as far as it is vouched for.

        Takes a bounded time. Raises SearchedTooLong.
        """
        ...

    async def range(
        self, session: str, first: int, last: int, limit: int, most_chars: int
    ) -> Sequence[tuple[int, str, str]]:
        """As `RecordsPort.range`, of the session whose id ends so. Raises SessionNotFound, AmbiguousId."""
        ...


class SearchedTooLong(Exception):
    """A search was not done in its time."""


class NoRecords:
    """A `RecordsPort` without any records: for tools that are only looked at."""

    async def search(self, words: Sequence[str], limit: int, most_chars: int) -> SearchedRecords:
        return SearchedRecords()

    async def range(self, first: int, last: int, limit: int, most_chars: int) -> Sequence[tuple[int, str, str]]:
        return ()


class GoalsPort(Protocol):
    """The goals of the session in which a tool runs."""

    async def active(self) -> Sequence[tuple[str, str, str]]:
        """(id, id of the goal that it is a part of, text) of those under way."""
        ...

    async def set(self, text: str, parent: str, call: str) -> None:
        """Set a goal; the same one again changes nothing. Raises InvalidRequest."""
        ...

    async def end(self, goal: str, outcome: Literal["done", "dropped"], call: str) -> None:
        """End a goal and its parts. Raises InvalidRequest."""
        ...


class NoGoals:
    """A `GoalsPort` without any goals: for tools that are only looked at."""

    async def active(self) -> Sequence[tuple[str, str, str]]:
        return ()

    async def set(self, text: str, parent: str, call: str) -> None:
        raise InvalidRequest("there is no session in which a goal could be set")

    async def end(self, goal: str, outcome: Literal["done", "dropped"], call: str) -> None:
        raise InvalidRequest("there is no session with goals")

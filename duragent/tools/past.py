"""What the tools `history` and `goals` need of their session."""

from collections.abc import Sequence
from typing import Literal, Protocol

from duragent.errors import InvalidRequest


class RecordsPort(Protocol):
    """The records of the session in which a tool runs."""

    async def search(self, words: Sequence[str], limit: int, most_chars: int) -> Sequence[tuple[int, str, str]]:
        """(seq, who, text) of the newest records that have all these words, newest first; texts are cut around one."""
        ...

    async def range(self, first: int, last: int, limit: int, most_chars: int) -> Sequence[tuple[int, str, str]]:
        """(seq, who, text) of the first records of a range that say something, oldest first; texts are cut."""
        ...


class NoRecords:
    """A `RecordsPort` without any records: for tools that are only looked at."""

    async def search(self, words: Sequence[str], limit: int, most_chars: int) -> Sequence[tuple[int, str, str]]:
        return ()

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

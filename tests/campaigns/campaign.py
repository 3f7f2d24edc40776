"""What all campaigns share: which cases are tried, and how one of them is tried again.

A *case* is a number, and all that is done in it follows from that number alone. A failure says how to repeat its case:

    DURAGENT_CASE=4711 python3 -m pytest -n0 -m '' 'tests/campaigns/test_turns.py::test_…'
"""

import os
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ONLY = "DURAGENT_CASE"


@dataclass(frozen=True)
class Campaign:
    """The cases of one test. `long`: this is the search behind `-m campaign`, not the small run of every suite."""

    node: str
    long: bool = False
    only: int | None = None

    def cases(self, numbers: Iterable[int]) -> Iterable[int]:
        """The numbers to try: all of them, or the one that `DURAGENT_CASE` names."""
        return numbers if self.only is None else [self.only]

    @contextmanager
    def case(self, number: int) -> Iterator[random.Random]:
        """Try one case with its own chance. What goes wrong in it says how it is tried again."""
        try:
            yield random.Random(number)
        except Exception as error:
            error.add_note(f"case {number}; once more: {ONLY}={number} python3 -m pytest -n0 -m '' '{self.node}'")
            raise


def only() -> int | None:
    """The case that was asked for."""
    number = os.environ.get(ONLY, "")
    return int(number) if number else None

"""The points at which a server can be made to die, found in its source, and what it takes to reach each of them."""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duragent
from tests.campaigns.kills_server import Action

HITS = (1, 2, 5)
_CALL = re.compile(r'crashpoint\("([^"]*)"\)')

Way = Literal["first start", "run", "torn", "write fails", "sync fails", "swapped", "damaged", "terminated"]

WAYS: dict[str, Way] = {
    "spool.id_given": "first start",
    "recovery.torn_saved": "torn",
    "recovery.truncated": "torn",
    "log.write_failed": "write fails",
    "log.write_undone": "write fails",
    "log.sync_failed": "sync fails",
    "log.started_over": "sync fails",
    "log.conflict_saved": "swapped",
    "mend.set_aside": "damaged",
    "mend.replaced": "damaged",
    "address.removed": "terminated",
}
"""What a life must be like for a point to be passed in it; every other point is passed when the server is used."""

ONCE = {*WAYS, "lock.taken", "token.made", "address.written", "spool.voided"}
"""Passed once in a life at most: there is no second hit."""

BEHIND = {"spool.voided": "spool.made"}
"""Passed only in the life behind one that ended there."""


@dataclass(frozen=True)
class Hit:
    """The `nth` time in one life that `point` is passed, and what happens there."""

    point: str
    nth: int = 1
    action: Action = "kill"

    def __str__(self) -> str:
        return f"{self.point}:{self.nth}:{self.action}"

    @property
    def way(self) -> Way:
        return WAYS.get(self.point, "run")


ELSEWHERE = ("legacy.", "renewal.unnamed")
"""Points with such a beginning are passed only by a log of duragent v0.5, `tests/promises/test_kill_in_adoption.py`, or
where two folders cannot change names, `tests/stores/test_renewal.py`."""


def points() -> list[str]:
    """All that the source names but for `ELSEWHERE`, in alphabetical order."""
    sources = Path(duragent.__file__).parent.rglob("*.py")
    named = {name for path in sources for name in _CALL.findall(path.read_text())}
    return sorted(name for name in named if not name.startswith(ELSEWHERE))


def story_of(hits: Iterable[Hit], chance: random.Random) -> list[Hit]:
    """Any order, but what is passed only at the first start comes first, and each behind what it needs."""
    told = list(hits)
    chance.shuffle(told)
    told.sort(key=lambda hit: hit.way != "first start")
    for point, needed in BEHIND.items():
        for hit in [hit for hit in told if hit.point == point]:
            told.remove(hit)
            at = next((at for at, each in enumerate(told) if each.point == needed and each.nth == 1), None)
            told[at:at] = [] if at is not None else [Hit(needed)]
            told.insert(at + 1 if at is not None else len(told), hit)
    return told

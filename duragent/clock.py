"""Time and chance: now, sleep, new_id. No other file of the runtime asks the machine for either.

Code that needs a clock gets one as an argument, so that tests can pass `duragent.testing.FakeClock` instead.
"""

import asyncio
import hashlib
import os
import re
import time
from datetime import UTC, datetime
from typing import Protocol

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
ULID = re.compile("[0-7][0-9a-hjkmnp-tv-z]{25}")
"""What `ulid` makes."""


class Clock(Protocol):
    """The only source of time and chance."""

    def now(self) -> datetime:
        """The wall clock, in UTC. It may jump; never subtract two of them to wait."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def new_id(self, prefix: str) -> str:
        """A fresh id such as `session_01k9zf3m…`: the prefix and a lower-case ULID, so that ids sort by time."""
        ...


def ulid(milliseconds: int, chance: bytes) -> str:
    """26 characters of lower-case Crockford base32: 48 bits of time, 80 bits of chance (github.com/ulid/spec)."""
    number = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(chance[:10])
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def moment_of(name: str) -> datetime | None:
    """When the ULID at the end of `name` was made; None when there is no ULID, or none with a valid time."""
    found = name.rpartition("_")[2].lower()
    if not ULID.fullmatch(found):
        return None
    milliseconds = sum(_CROCKFORD.index(char) << 5 * place for place, char in enumerate(reversed(found[:10])))
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def ulid_of(key: str) -> str:
    """Always the same ULID for the same key: the key itself when it is one, so that ids still sort by time."""
    if ULID.fullmatch(key):
        return key
    digest = hashlib.sha256(b"session:" + key.encode()).digest()
    return ulid(int.from_bytes(digest[:6]), digest[6:])


class SystemClock:
    """The machine's clock and the kernel's random bytes."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{ulid(time.time_ns() // 1_000_000, os.urandom(10))}"

"""File descriptors: how many this process may have, how many it has, and how they are shared out.

The server raises its soft limit to the hard one. The commands that it runs get the limit of before: a program that uses
select(2) breaks on a descriptor above 1,023.
"""

import os
import resource
import sys
from dataclasses import dataclass

MOST = 1 << 20
"""The limit is not raised further: Linux's own default for `fs.nr_open`."""

OWN = 32
"""Descriptors that an idle server needs for itself: listeners, locks, the event loop, its log."""

SPARE_SHARE = 16
"""Fewer free descriptors than this part of the limit (and than `OWN` / 4) count as used up."""

_FOLDER = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
_before: list[int] = []


@dataclass(frozen=True, slots=True)
class DescriptorUse:
    """`used` of `limit` are open. Both are counts of this process."""

    used: int
    limit: int

    @property
    def problem(self) -> str | None:
        """One sentence when they are nearly used up, for people who run the server."""
        if self.limit - self.used > max(self.limit // SPARE_SHARE, OWN // 4):
            return None
        return (
            f"{self.used:,} of {self.limit:,} file descriptors are in use: new connections, sessions and commands may "
            "be refused until some are free; start the server with a higher limit (`ulimit -n`, or `LimitNOFILE=` of "
            "its service)"
        )


def raise_limit() -> None:
    """Let this process open as many files as the system allows. Commands keep the limit that was there before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(_count(hard), MOST)
    if not _before:
        _before.append(soft)
    if wanted > _count(soft):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            # macOS allows less than it says. What there is has to do.
            return


def limit_of_commands() -> int:
    """The soft limit for programs that this process starts."""
    return min([*_before, limit()])


def limit() -> int:
    return _count(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def for_logs() -> int:
    """How many logs may be open at a time: a quarter of what the server does not need for itself."""
    return max(2, (limit() - OWN) // 4)


def for_connections() -> int:
    """How many connections may be open at a time: half of what the server does not need for itself."""
    return max(2, (limit() - OWN) // 2)


def descriptors() -> DescriptorUse:
    """What is in use now. Counting needs a descriptor too: when it cannot be had, all are in use."""
    most = limit()
    try:
        # Without the one that looks.
        return DescriptorUse(len(os.listdir(_FOLDER)) - 1, most)
    except OSError:
        return DescriptorUse(most, most)


def _count(value: int) -> int:
    return MOST if value == resource.RLIM_INFINITY else value

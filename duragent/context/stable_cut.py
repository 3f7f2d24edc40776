"""Where to cut so that the cut stays where it is: the prefix of a request is what a provider's cache remembers.

Each request is made from the records again, and nothing is kept between requests. A cut at "what just fits" would
move with each message. These functions choose among the places that would do the one whose record number is the
roundest (1024 before 512 before 256 …): while the range of places slides on, the roundest place in it stays the same
until it falls out or a rounder one comes in.
"""

from collections.abc import Sequence

LEAST_KEPT = 0.75
"""A cut keeps at least this part of what would fit, as far as there is a place to cut."""


def roundest(seqs: Sequence[int], low: int, high: int) -> int:
    """The position in `low`..`high` before which the roundest record number stands. `seqs` ascend."""
    return max(range(low, high + 1), key=lambda at: ((seqs[at - 1] if at else 0) ^ seqs[at]).bit_length())


def steady_start(seqs: Sequence[int], sizes: Sequence[int], limit: int, *, whole: bool) -> int:
    """From which part on to keep: what is kept is at most `limit`; `len(seqs)` keeps nothing.

    `whole` says that the first part is the first there is: then everything is kept when it fits.
    """
    rest = [0]
    for size in reversed(sizes):
        rest.append(rest[-1] + size)
    rest.reverse()
    if not seqs or (whole and rest[0] <= limit):
        return 0
    low = next(at for at, size in enumerate(rest) if size <= max(limit, 0))
    if low == len(seqs):
        return low
    enough = LEAST_KEPT * min(limit, rest[0])
    high = max((at for at in range(low, len(seqs)) if rest[at] >= enough), default=low)
    return roundest(seqs, low, high)

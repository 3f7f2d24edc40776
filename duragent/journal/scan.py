"""Which bytes of a log can be trusted.

`scan` walks over lines and stops at the first that cannot be: wrong checksum, seq not the next one, a group of records
(`tx`) out of order. What stands there is either *torn* (the append that was under way when the machine stopped; it was
never acknowledged, so it may be cut off) or *damaged* (anything else; it may only be reported).
"""

from dataclasses import dataclass
from typing import Any, Literal

from duragent.journal.line import BadLine, checked_seq, is_legacy, tx_of
from duragent.journal.record import StreamRecord

# What a block that never reached the disk reads as. A hole begins where the append began, or spans whole sectors; a
# shorter run of NULs is no hole but a change.
_HOLE = b"\0" * 16


@dataclass(frozen=True, slots=True)
class Scan:
    """How far a log can be trusted."""

    verdict: Literal["clean", "torn", "damaged"]
    """`torn`: the append under way when the machine stopped. `damaged`: anything else that cannot be trusted."""
    end: int
    """Where the trusted bytes end."""
    seq: int
    """The newest record before that; `after` when there is none."""
    line: int
    """The number of the line that cannot be trusted, or is missing, from 1."""
    problem: str = ""
    """What is wrong with that line, for people; "" when all is well."""


@dataclass(slots=True)
class _Walk:
    """Where the walk stands."""

    position: int = 0
    """Where the next line begins, in bytes."""
    seq: int = 0
    """The newest record so far."""
    lines: int = 0
    """How many lines were read."""
    tx: tuple[int, int] | None = None
    """The place in the group that is open and its size; None outside of groups."""
    group_position: int = 0
    """Where the group began that is being read, in bytes; outside of groups `position`."""
    group_seq: int = 0
    """The newest record before that group."""


def scan(data: bytes, seed: int, *, after: int | None) -> Scan:
    """Trust as much of `data` (whole lines from the first record after `after`) as can be.

    `after` None: a log of duragent-rust may begin anywhere, because its beginning was compacted away.
    """
    walk = _Walk(seq=after or 0, group_seq=after or 0)
    any_start = after is None
    while (newline := data.find(b"\n", walk.position)) >= 0:
        try:
            _take(walk, data[walk.position : newline], seed, any_start and walk.lines == 0)
        except BadLine as error:
            return _stopped(walk, data, seed, str(error))
        walk.position = newline + 1
        if walk.tx is None:
            walk.group_position, walk.group_seq = walk.position, walk.seq
    if walk.position < len(data):
        return _stopped(walk, data, seed, "the last line has no end")
    if walk.tx is not None:
        return _cut(walk, "torn", "the last group of records is not complete")
    return Scan("clean", walk.position, walk.seq, walk.lines + 1)


def _take(walk: _Walk, line: bytes, seed: int, first_of_any: bool) -> None:
    seq = checked_seq(line, seed)
    if seq != walk.seq + 1 and not (first_of_any and is_legacy(line)):
        raise BadLine(f"seq {seq} follows {walk.seq}")
    walk.tx = next_tx(walk.tx, tx_of(line))
    walk.seq = seq
    walk.lines += 1


def next_tx(before: tuple[int, int] | None, tx: tuple[int, int] | None) -> tuple[int, int] | None:
    """The group that is open after a line with `tx`; None when none is. Raises BadLine."""
    expected = (1, tx[1]) if before is None and tx else (before[0] + 1, before[1]) if before else None
    if tx != expected or (tx and tx[0] > tx[1]):
        raise BadLine("it is not of the group of records that it stands in")
    return None if tx is None or tx[0] == tx[1] else tx


def ends_group(record: StreamRecord[Any]) -> bool:
    """Whether the log may end with this record: it is the last of those that were appended at once."""
    if record.tx is None:
        return True
    at, _, count = record.tx.partition("/")
    return at == count


def _cut(walk: _Walk, verdict: Literal["torn", "damaged"], problem: str) -> Scan:
    # Records of a group that is not complete do not count: all or none.
    return Scan(verdict, walk.group_position, walk.group_seq, walk.lines + 1, problem)


def _stopped(walk: _Walk, data: bytes, seed: int, problem: str) -> Scan:
    rest = data[walk.position :]
    return _cut(walk, "torn" if _is_torn(walk, rest, seed) else "damaged", problem)


def _is_torn(walk: _Walk, rest: bytes, seed: int) -> bool:
    """Whether `rest` can be what is left of an append that never ended: cut short or with holes, and no record of a
    later append behind it.
    """
    if b"\n" in rest and not rest.startswith(b"\0") and _HOLE not in rest:
        return False
    if _is_whole_line_with_more(rest.split(b"\0", 1)[0], seed):
        return False
    first, *others = rest.split(b"\n")
    for line in [first, *others] if b"\0" in first else others:
        # A hole swallows newlines too: what stands behind one may be a line.
        line = line.rpartition(b"\0")[2]
        try:
            seq = checked_seq(line, seed)
        except BadLine:
            continue
        tx = tx_of(line)
        # A valid line behind a hole is real, unless it is of the very append that the hole is in.
        if tx is None or not seq - tx[0] + 1 <= walk.seq + 1 <= seq:
            return False
    return True


def _is_whole_line_with_more(text: bytes, seed: int) -> bool:
    """A valid record with bytes behind it where its newline should be: something changed the newline."""
    end = text.rfind(b'"}', 0, len(text) - 1)
    if end < 0:
        return False
    try:
        checked_seq(text[: end + 2], seed)
    except BadLine:
        return False
    return b"crc" in text[: end + 2]

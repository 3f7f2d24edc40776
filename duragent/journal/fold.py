"""Lines to records to a state: the one loop that decodes a line, applies it, or says which record is damaged. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, overload

from duragent.errors import Damaged
from duragent.journal.apply import apply
from duragent.journal.events import EVENT_TYPES, Opaque
from duragent.journal.line import BadLine
from duragent.journal.record import E, Record, StreamRecord, crc_seed, decode
from duragent.journal.state import SessionState

LOG_NAME = "events.jsonl"
"""Where a damaged record is said to be."""


def fold_lines(state: SessionState, lines: Iterable[bytes]) -> Iterator[tuple[bytes, Record, SessionState]]:
    """Each line, its record, and the state after it; `state` is the one before the first.

    Raises Damaged at the first line that is no record; all before it were yielded.
    """
    for line, record in decode_lines(lines, state.session_id, state.seq):
        state = apply(state, record)
        yield line, record, state


@overload
def decode_lines(
    lines: Iterable[bytes], stream_id: str, good_seq: int, *, blob: Callable[[str], bytes] | None = None
) -> Iterator[tuple[bytes, Record]]: ...


@overload
def decode_lines(
    lines: Iterable[bytes],
    stream_id: str,
    good_seq: int,
    *,
    blob: Callable[[str], bytes] | None = None,
    types: Mapping[str, type[E]],
) -> Iterator[tuple[bytes, StreamRecord[E | Opaque]]]: ...


def decode_lines(
    lines: Iterable[bytes],
    stream_id: str,
    good_seq: int,
    *,
    blob: Callable[[str], bytes] | None = None,
    types: Mapping[str, type[Any]] = EVENT_TYPES,
) -> Iterator[tuple[bytes, StreamRecord[Any]]]:
    """Each line with its record. `good_seq` is the seq before the first; `blob` and `types` are as for `decode`.

    Raises Damaged at the first line that is no record.
    """
    seed = crc_seed(stream_id)
    try:
        for line in lines:
            record = decode(line, seed, blob, types=types)
            good_seq = record.seq
            yield line, record
    except BadLine as error:
        raise Damaged(stream_id, LOG_NAME, good_seq + 1, str(error), good_seq) from error

"""Whether the summary of a stream says what its log adds up to, from the files alone.

The law: changes nothing. A summary is a cache, so what is wrong with it is harmless once it is deleted.
"""

import itertools
from collections.abc import Iterator

from duragent.errors import Damaged, NotFound
from duragent.journal.line import crc_of
from duragent.stores.reader import StoreReader
from duragent.streams.fold import R, S, StreamFold
from duragent.streams.recovery import FOLD_LINES


def disagrees(reader: StoreReader, name: str, fold: StreamFold[S, R]) -> bool:
    """Whether `state.yaml` would be believed by a start and says something else than the log up to its record."""
    form = fold.kind.snapshots
    try:
        saved = form.load(reader.summary(name), name) if form is not None else None
        if saved is None:
            return False
        lines = itertools.islice(reader.lines(name), saved.state.seq)
        state, last = fold.initial(name), b""
        for block in _blocks(lines):
            for _, after in fold.steps(state, name, b"".join(block)):
                state = after
            last = block[-1]
    except (OSError, Damaged, NotFound):
        return False
    return bool(last) and crc_of(last) == saved.last_crc and state != saved.state


def _blocks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while block := list(itertools.islice(lines, FOLD_LINES)):
        yield block

"""Repair of a damaged log: it goes on after its last good record; the damaged bytes are kept beside it."""

from duragent.errors import Damaged
from duragent.journal.events import LogRecovered, OwnerClaimed
from duragent.journal.record import StreamRecord, encode, timestamp
from duragent.journal.scan import ends_group
from duragent.stores.base import Claim, Store, Stream, TornTail
from duragent.streams.fold import R, S, StreamFold
from duragent.streams.log_writer import WriterPorts

AT_ONCE = 256
"""How many lines are read at a time."""


async def good_part(store: Store, claim: Claim, fold: StreamFold[S, R]) -> S:
    """The state at the last good record of a damaged log that ends a group."""
    whole = state = fold.initial(claim.stream_id)
    upto = claim.damage.good_seq if claim.damage else claim.head
    while state.seq < upto:
        try:
            lines = await store.read(claim, state.seq, min(AT_ONCE, upto - state.seq))
            for record, after in fold.steps(state, claim.stream_id, lines):
                state = after
                whole = state if ends_group(record) else whole
        except Damaged:
            # What is wrong may show in a read only, or in a record whose checksum fits.
            return whole
        if not lines:
            return whole
    return whole


async def mend_stream(ports: WriterPorts, claim: Claim, fold: StreamFold[S, R], damage: Damaged) -> None:
    """Let a damaged log go on behind its last good record, owned by this process. The claim is over then.

    Raises Damaged where no record is good, and where only a blob is lost: what was in it is nowhere else.
    """
    good = await good_part(ports.store, claim, fold)
    if good.seq == 0 or damage.is_of_blob:
        raise damage
    ts, seed = timestamp(ports.clock.now()), Stream(claim.stream_id, fold.kind).seed

    def closing(tail: TornTail) -> list[bytes]:
        cut = LogRecovered(offset=tail.offset, size_bytes=tail.size_bytes, saved_as=tail.saved_as)
        owned = OwnerClaimed(epoch=good.epoch + 1, node=ports.node)
        return [
            encode(StreamRecord(good.seq + at, ts, event, f"{at}/2"), seed).line
            for at, event in enumerate((cut, owned), 1)
        ]

    await ports.store.mend(claim, good.seq, closing)

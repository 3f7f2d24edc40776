"""Repair of a damaged session: it goes on after its last good record; the damaged bytes are kept beside its log."""

from duragent.errors import Damaged
from duragent.journal.detach import closing, wound_up
from duragent.journal.events import LogRecovered, OwnerClaimed
from duragent.journal.fold import fold_lines
from duragent.journal.line import split_lines
from duragent.journal.record import timestamp
from duragent.journal.scan import ends_group
from duragent.journal.state import SessionState
from duragent.session.session import Session
from duragent.stores.base import Claim, Store, TornTail
from duragent.turn.ports import Ports

AT_ONCE = 256
"""How many lines are read at a time."""


async def damage_of(session: Session, store: Store) -> Damaged | None:
    """What is wrong with its log. When no damage is known the log is read, and the session may be stopped for that."""
    if isinstance(session.problem, Damaged):
        return session.problem
    try:
        await store.verify(session.id)
        return None
    except Damaged:
        # It may have been written to meanwhile: what counts is what is found when it stands still.
        await session.finish(0)
    try:
        await store.verify(session.id)
    except Damaged as error:
        return error
    return None


async def mend(ports: Ports, claim: Claim, damage: Damaged) -> None:
    """See `Sessions.repair`. Raises Damaged where it cannot be done."""
    good = await _good_part(ports.store, claim)
    if good.seq == 0 or damage.is_of_blob:
        # Of a blob that is gone the log cannot say what was in it: only a backup can.
        raise damage
    ts = timestamp(ports.clock.now())

    def mended(tail: TornTail) -> list[bytes]:
        cut = LogRecovered(offset=tail.offset, size_bytes=tail.size_bytes, saved_as=tail.saved_as)
        owned = OwnerClaimed(epoch=good.epoch + 1, node=ports.node)
        return closing(good, [cut, owned, *wound_up(good, "the end of the log was damaged")], ts)[0]

    await ports.store.mend(claim, good.seq, mended)


async def _good_part(store: Store, claim: Claim) -> SessionState:
    """The state at the last good record of a damaged log that ends a group."""
    whole = state = SessionState(claim.stream_id)
    upto = claim.damage.good_seq if claim.damage else claim.head
    while state.seq < upto:
        try:
            lines = await store.read(claim, state.seq, min(AT_ONCE, upto - state.seq))
            for _, record, after in fold_lines(state, split_lines(lines)):
                state = after
                whole = state if ends_group(record) else whole
        except Damaged:
            # What is wrong may show in a read only, or in a record whose checksum fits.
            return whole
        if not lines:
            return whole
    return whole

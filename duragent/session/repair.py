"""Repair of a damaged session: it goes on after its last good record; the damaged bytes are kept beside its log."""

from duragent.errors import Damaged
from duragent.journal.detach import closing, wound_up
from duragent.journal.events import LogRecovered, OwnerClaimed
from duragent.journal.record import timestamp
from duragent.session.fold import SESSION_FOLD
from duragent.session.session import Session
from duragent.stores.base import Claim, Store, TornTail
from duragent.streams.repair import good_part
from duragent.turn.ports import Ports


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
    good = await good_part(ports.store, claim, SESSION_FOLD)
    if good.seq == 0 or damage.is_of_blob:
        # Of a blob that is gone the log cannot say what was in it: only a backup can.
        raise damage
    ts = timestamp(ports.clock.now())

    def mended(tail: TornTail) -> list[bytes]:
        cut = LogRecovered(offset=tail.offset, size_bytes=tail.size_bytes, saved_as=tail.saved_as)
        owned = OwnerClaimed(epoch=good.epoch + 1, node=ports.node)
        return closing(good, [cut, owned, *wound_up(good, "the end of the log was damaged")], ts)[0]

    await ports.store.mend(claim, good.seq, mended)

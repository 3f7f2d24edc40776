"""What every store promises of logs that come from elsewhere, and of what is left of damaged ones."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from duragent.errors import Damaged, DuragentError, SessionExists, SessionNotFound
from duragent.stores.base import Store, TornTail
from duragent.testing.store_logs import SESSION, all_fenced, filled, first_line, message_lines, raises, read_all

Spoil = Callable[[Store, str, int], None]
_T = TypeVar("_T")


async def log_from_elsewhere_is_taken_in_byte_for_byte(store: Store) -> None:
    lines = [first_line(SESSION), *message_lines(SESSION, 2, ["a", "b", "c"])]
    lines += message_lines(SESSION, 5, [f"{at} " + "x" * 5_000 for at in range(200)])
    data = b"\x00 a long text \xff"
    digest = hashlib.sha256(data).hexdigest()
    await store.adopt(SESSION, one_after_another([lines[:4], lines[4:]]), one_after_another([(digest, data)]))
    assert [each.stream_id for each in await store.list_streams()] == [SESSION]
    claim = await store.claim(SESSION)
    assert (claim.head, claim.oldest, claim.torn, claim.damage) == (204, 1, None, None)
    assert await read_all(store, claim) == b"".join(lines)
    assert await store.get_blob(claim, digest) == data
    assert (await store.get_snapshot(SESSION), await store.get_partial(claim)) == (None, b"")
    more = message_lines(SESSION, 205, ["on"])
    await store.append(claim, more, expect=204)
    assert await read_all(store, claim) == b"".join(lines + more)


async def log_is_taken_in_whole_or_not_at_all(store: Store) -> None:
    lines = [first_line(SESSION), *message_lines(SESSION, 2, ["a", "b"])]
    broken = Damaged(SESSION, "elsewhere", 1, "the rest cannot be read", 0)
    digest = hashlib.sha256(b"x").hexdigest()
    tries: list[tuple[list[Sequence[bytes] | DuragentError], list[tuple[str, bytes] | DuragentError]]] = [
        ([broken], []),
        ([lines[:1], broken], []),
        ([lines[:1], lines[1:], broken], []),
        ([lines], [broken]),
        ([lines], [(digest, b"x"), broken]),
    ]
    for coming, blobs in tries:
        await raises(Damaged, store.adopt(SESSION, one_after_another(coming), one_after_another(blobs)))
        assert await store.list_streams() == []
        await raises(SessionNotFound, store.claim(SESSION))
    await store.adopt(SESSION, one_after_another([lines[:1], lines[1:]]), one_after_another([]))
    claim = await store.claim(SESSION)
    assert await read_all(store, claim) == b"".join(lines)
    await raises(Damaged, store.get_blob(claim, digest))


async def log_is_taken_in_under_a_free_id_only(store: Store) -> None:
    claim, lines = await filled(store, ["one"])
    other = [[first_line(SESSION), *message_lines(SESSION, 2, ["two", "three"])]]
    await raises(SessionExists, store.adopt(SESSION, one_after_another(other), one_after_another([])))
    assert await read_all(store, claim) == b"".join(lines)
    await store.delete(SESSION)
    await store.adopt(SESSION, one_after_another(other), one_after_another([]))
    await raises(SessionExists, store.adopt(SESSION, one_after_another(other), one_after_another([])))
    assert await read_all(store, await store.claim(SESSION)) == b"".join(other[0])


async def log_is_replaced_by_another_one_whole_or_not_at_all(store: Store) -> None:
    claim, lines = await filled(store, ["one", "secret", "three"])
    old, new = hashlib.sha256(b"old").hexdigest(), hashlib.sha256(b"new").hexdigest()
    await store.put_blob(claim, old, b"old")
    await store.put_snapshot(claim, b"secret")
    await store.put_partial(claim, b"secret", append=False)
    other: list[Sequence[bytes] | DuragentError] = [[first_line(SESSION)]]
    other.append(message_lines(SESSION, 2, ["one", "[redacted]", "three"]))
    broken = Damaged(SESSION, "elsewhere", 1, "the rest cannot be read", 0)
    tries: list[tuple[list[Sequence[bytes] | DuragentError], list[tuple[str, bytes] | DuragentError]]] = [
        ([*other, broken], []),
        (other, [(new, b"new"), broken]),
    ]
    for coming, blobs in tries:
        await raises(Damaged, store.replace(claim, one_after_another(coming), one_after_another(blobs)))
        assert await read_all(store, claim) == b"".join(lines)
    more = message_lines(SESSION, 5, ["four"])
    await store.append(claim, more, expect=4)
    await store.replace(claim, one_after_another(other), one_after_another([(new, b"new")]))
    await all_fenced(store, claim)
    claim = await store.claim(SESSION)
    assert (claim.head, claim.torn, claim.damage) == (4, None, None)
    assert await read_all(store, claim) == first_line(SESSION) + b"".join(
        message_lines(SESSION, 2, ["one", "[redacted]", "three"])
    )
    assert (await store.get_snapshot(SESSION), await store.get_partial(claim)) == (None, b"")
    assert await store.get_blob(claim, new) == b"new"
    await raises(Damaged, store.get_blob(claim, old))
    await store.append(claim, more, expect=4)
    assert [each.stream_id for each in await store.list_streams()] == [SESSION]


async def log_is_mended_behind_a_record_and_goes_on(store: Store) -> None:
    claim, lines = await filled(store, ["one", "two", "three", "four"])
    await store.put_snapshot(claim, b"old")
    tails: list[TornTail] = []
    await raises(Damaged, store.mend(claim, 9, lambda tail: []))
    claim = await store.claim(SESSION)
    await store.mend(claim, 3, _closing(3, tails))
    assert (len(tails), tails[0].size_bytes) == (1, sum(map(len, lines[3:])))
    await all_fenced(store, claim)
    assert await store.get_snapshot(SESSION) is None
    await _goes_on(store, lines[:3])


async def _goes_on(store: Store, good: Sequence[bytes]) -> None:
    """After a mend with `_closing` behind the good lines."""
    closed = message_lines(SESSION, len(good) + 1, ["mended", "closed"])
    for _ in range(2):
        claim = await store.claim(SESSION)
        assert (claim.head, claim.torn, claim.damage) == (len(good) + 2, None, None)
    await store.verify(SESSION)
    more = message_lines(SESSION, len(good) + 3, ["on"])
    await store.append(claim, more, expect=len(good) + 2)
    assert await read_all(store, await store.claim(SESSION)) == b"".join([*good, *closed, *more])


def _closing(good_seq: int, tails: list[TornTail]) -> Callable[[TornTail], Sequence[bytes]]:
    def closing(tail: TornTail) -> Sequence[bytes]:
        tails.append(tail)
        return message_lines(SESSION, good_seq + 1, ["mended", "closed"])

    return closing


async def one_after_another(items: Sequence[_T | DuragentError]) -> AsyncIterator[_T]:
    """One after another; what is an error is raised."""
    for item in items:
        if isinstance(item, DuragentError):
            raise item
        yield item


async def damage_is_mended(store: Store, spoil: Spoil) -> None:
    """What is behind the last good record is put aside, and the session goes on."""
    claim, lines = await filled(store, ["one", "two", "three", "four"])
    await store.release(claim)
    spoil(store, SESSION, 3)
    claim = await store.claim(SESSION)
    tails: list[TornTail] = []
    await store.mend(claim, 2, _closing(2, tails))
    assert [tail.size_bytes for tail in tails] == [sum(map(len, lines[2:]))]
    assert tails[0].saved_as
    await _goes_on(store, lines[:2])

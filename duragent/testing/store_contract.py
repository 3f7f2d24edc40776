"""Whether a store keeps the promises of `duragent.stores.base`: the suite that every store on that shelf passes.

For a store of your own, one test is enough:

    async def test_my_store_keeps_the_contract(tmp_path):
        await check_store(lambda kind: MyStore(tmp_path / secrets.token_hex(4), kind))

`make_store` is called once for each promise and gives an empty store for streams of that kind, ready for use; closing
it is your care. Most promises are tried with sessions, some also with a kind that no release of duragent has.
With `spoil(store, session_id, seq)`, which changes a byte of that record where it rests, damage is tried too. The first
broken promise raises AssertionError, with the promise's name in a note. `PROMISES` holds them one by one, for
`pytest.mark.parametrize`.
"""

import hashlib
from collections.abc import Awaitable, Callable

from duragent.errors import Damaged, DuragentError, SeqConflict, SessionExists, SessionNotFound
from duragent.journal.line import MAX_LINE_BYTES, seq_of
from duragent.stores.base import READ_MAX_BYTES, Store, StreamKind
from duragent.stores.base import SESSION as SESSION_KIND
from duragent.testing.store_copies import (
    Spoil,
    damage_is_mended,
    log_from_elsewhere_is_taken_in_byte_for_byte,
    log_is_mended_behind_a_record_and_goes_on,
    log_is_replaced_by_another_one_whole_or_not_at_all,
    log_is_taken_in_under_a_free_id_only,
    log_is_taken_in_whole_or_not_at_all,
)
from duragent.testing.store_kinds import KIND_PROMISES, NOTEBOOK, damage_of_another_kind_is_told
from duragent.testing.store_logs import (
    SESSION,
    all_fenced,
    filled,
    first_line,
    message_lines,
    raises,
    read_all,
    read_all_back,
)

Promise = Callable[[Store], Awaitable[None]]


async def check_store(make_store: Callable[[StreamKind], Store], *, spoil: Spoil | None = None) -> None:
    """Try every promise, each on a store of its own."""
    for promise in PROMISES:
        await _try(promise.__name__, promise(make_store(SESSION_KIND)))
    for of_any_kind in KIND_PROMISES:
        await _try(of_any_kind.__name__, of_any_kind(make_store(NOTEBOOK)))
    if spoil is not None:
        for damaged in (damage_is_told, damage_is_mended):
            await _try(damaged.__name__, damaged(make_store(SESSION_KIND), spoil))
        await _try(damage_of_another_kind_is_told.__name__, damage_of_another_kind_is_told(make_store(NOTEBOOK), spoil))


async def _try(name: str, promise: Awaitable[None]) -> None:
    try:
        await promise
    except (AssertionError, DuragentError) as error:
        error.add_note(f"the store broke the promise: {name}")
        raise


# --- the log --------------------------------------------------------------------------------------------------------


async def what_was_appended_is_read_byte_for_byte(store: Store) -> None:
    claim, lines = await filled(store, ["hello", "x" * 10_000, "\x00\u2028\ud800 \N{GRINNING FACE}"])
    assert (claim.stream_id, claim.head, claim.oldest, claim.damage) == (SESSION, 4, 1, None)
    assert await read_all(store, claim) == b"".join(lines)
    await store.release(claim)
    again = await store.claim(SESSION)
    assert (again.head, again.oldest, again.torn, again.damage) == (4, 1, None, None)
    assert await read_all(store, again) == b"".join(lines)


async def group_is_appended_whole(store: Store) -> None:
    claim, lines = await filled(store, [])
    group = message_lines(SESSION, 2, ["a", "b", "c"])
    await store.append(claim, group, expect=1)
    assert claim.head == 4
    assert await read_all(store, await store.claim(SESSION)) == b"".join(lines + group)


async def append_somewhere_else_is_refused_and_changes_nothing(store: Store) -> None:
    claim, lines = await filled(store, ["one"])
    for expect in (0, 1, 3):
        await raises(SeqConflict, store.append(claim, message_lines(SESSION, 3, ["two"]), expect=expect))
    assert (claim.head, await read_all(store, claim)) == (2, b"".join(lines))
    more = message_lines(SESSION, 3, ["two"])
    await store.append(claim, more, expect=2)
    assert await read_all(store, claim) == b"".join(lines + more)


async def reads_keep_their_limits(store: Store) -> None:
    claim, lines = await filled(store, [f"text {number}" for number in range(2, 31)])
    for after in (-1, 0, 1, 7, 29, 30, 31, 1000):
        for limit in (0, 1, 2, 5, 1000):
            wanted = [line for line in lines if seq_of(line) > after][:limit]
            assert await store.read(claim, after, limit) == b"".join(wanted), (after, limit)
    for before in (None, 0, 1, 2, 15, 30, 31, 32, 1000):
        for limit in (0, 1, 2, 5, 1000):
            wanted = [line for line in lines if before is None or seq_of(line) < before]
            wanted = wanted[max(0, len(wanted) - limit) :]
            assert await store.read_back(claim, before, limit) == b"".join(wanted), (before, limit)


async def long_log_is_read_in_blocks_of_bounded_size(store: Store) -> None:
    claim, lines = await filled(store, [])
    for first in range(2, 3002, 500):
        more = message_lines(SESSION, first, [f"{seq} " + "y" * (seq % 700) for seq in range(first, first + 500)])
        await store.append(claim, more, expect=claim.head)
        lines += more
    whole = b"".join(lines)
    assert (await read_all(store, claim), await read_all_back(store, claim, 700)) == (whole, whole)
    assert len(await store.read(claim, 0, 10_000)) < 2 * READ_MAX_BYTES
    assert len(await store.read_back(claim, None, 10_000)) < 2 * READ_MAX_BYTES
    for seq in range(1, 3001, 171):
        assert await store.read(claim, seq - 1, 1) == lines[seq - 1]
        assert await store.read_back(claim, seq + 1, 1) == lines[seq - 1]


async def lines_of_the_greatest_size_are_kept(store: Store) -> None:
    long = "z" * (MAX_LINE_BYTES - 300)
    claim, lines = await filled(store, [long, "short", long, long])
    assert len(lines[1]) > MAX_LINE_BYTES - 300
    assert (await read_all(store, claim), await read_all_back(store, claim, 10)) == (b"".join(lines), b"".join(lines))
    assert await store.read(claim, 1, 10) == lines[1]
    assert await store.read_back(claim, None, 10) == lines[4]
    again = await store.claim(SESSION)
    assert (again.head, again.torn, again.damage) == (5, None, None)
    await store.verify(SESSION)


async def reader_is_shown_what_was_acknowledged_only(store: Store) -> None:
    claim, lines = await filled(store, [])
    seen = claim.head
    await store.append(claim, message_lines(SESSION, 2, ["late"]), expect=1)
    assert seen == 1
    assert await store.read(claim, claim.head, 10) == b""
    assert await store.read_back(claim, 2, 10) == lines[0]


# --- ownership ------------------------------------------------------------------------------------------------------


async def session_is_created_once(store: Store) -> None:
    claim, lines = await filled(store, ["one"])
    await raises(SessionExists, store.create(SESSION, [first_line(SESSION)]))
    assert await read_all(store, claim) == b"".join(lines)
    await store.release(claim)
    await raises(SessionExists, store.create(SESSION, [first_line(SESSION)]))
    assert await read_all(store, await store.claim(SESSION)) == b"".join(lines)


async def session_that_is_not_there_cannot_be_claimed(store: Store) -> None:
    for session_id in ("session_none", ".", "..", "../elsewhere", "a/b", ""):
        await raises(SessionNotFound, store.claim(session_id))
    await raises(SessionNotFound, store.verify("session_none"))
    assert await store.get_snapshot("session_none") is None


async def claim_is_over_after_release(store: Store) -> None:
    claim, _ = await filled(store, ["one"])
    await store.release(claim)
    await store.release(claim)
    await all_fenced(store, claim)


async def second_claim_ends_the_first(store: Store) -> None:
    first, lines = await filled(store, ["one"])
    second = await store.claim(SESSION)
    await all_fenced(store, first)
    await store.release(first)
    more = message_lines(SESSION, 3, ["two"])
    await store.append(second, more, expect=2)
    assert await read_all(store, second) == b"".join(lines + more)


async def claim_that_was_found_damaged_later_is_read_only(store: Store) -> None:
    claim, lines = await filled(store, ["one"])
    claim.damage = Damaged(SESSION, "somewhere", 2, "found by somebody who looked closer", 1)
    await raises(Damaged, store.append(claim, message_lines(SESSION, 3, ["no"]), expect=2))
    assert await read_all(store, claim) == b"".join(lines)
    assert (await store.claim(SESSION)).damage is None


async def sessions_are_apart(store: Store) -> None:
    one, lines = await filled(store, ["mine"])
    other, others = await filled(store, ["yours", "too"], "session_02contract")
    await store.put_snapshot(one, b"mine")
    await store.put_partial(other, b"yours", append=False)
    assert (await read_all(store, one), await read_all(store, other)) == (b"".join(lines), b"".join(others))
    assert (await store.get_snapshot(other.stream_id), await store.get_partial(one)) == (None, b"")


# --- beside the log -------------------------------------------------------------------------------------------------


async def blobs_are_kept_and_checked(store: Store) -> None:
    claim, _ = await filled(store, [])
    data = bytes(range(256)) * 8192
    digest, wrong = hashlib.sha256(data).hexdigest(), hashlib.sha256(b"else").hexdigest()
    for _ in range(2):
        await store.put_blob(claim, digest, data)
    again = await store.claim(SESSION)
    assert await store.get_blob(again, digest) == data
    await raises(Damaged, store.get_blob(again, wrong))
    await store.put_blob(again, wrong, b"not what its name says")
    await raises(Damaged, store.get_blob(again, wrong))
    await store.put_blob(again, wrong, b"else")
    assert await store.get_blob(again, wrong) == b"else"
    for _ in range(2):
        await store.drop_blob(again, wrong)
    await raises(Damaged, store.get_blob(again, wrong))
    assert await store.get_blob(again, digest) == data


async def snapshot_is_the_newest_or_none(store: Store) -> None:
    claim, _ = await filled(store, [])
    assert await store.get_snapshot(SESSION) is None
    for data in (b"first: 1\n", b"second: 2\n" * 1000, b""):
        await store.put_snapshot(claim, data)
        assert await store.get_snapshot(SESSION) == data


async def partial_is_appended_to_or_replaced(store: Store) -> None:
    claim, _ = await filled(store, [])
    assert await store.get_partial(claim) == b""
    for data, append, wanted in ((b"ab", True, b"ab"), (b"c", True, b"abc"), (b"x", False, b"x"), (b"", False, b"")):
        await store.put_partial(claim, data, append=append)
        assert await store.get_partial(claim) == wanted


async def index_is_kept(store: Store) -> None:
    assert await store.get_index() == b""
    for data in (b"one\n", b"two\n" * 5000):
        await store.put_index(data)
        assert await store.get_index() == data


# --- all sessions ---------------------------------------------------------------------------------------------------


async def list_names_each_session_and_its_mark_follows_the_log(store: Store) -> None:
    assert await store.list_streams() == []
    claim, _ = await filled(store, [])
    other, _ = await filled(store, [], "session_02contract")
    marks = [await _marks(store)]
    await store.append(claim, message_lines(SESSION, 2, ["one"]), expect=1)
    marks.append(await _marks(store))
    await store.put_index(b"x")
    await store.release(other)
    assert await _marks(store) == marks[1]
    assert marks[0].keys() == marks[1].keys() == {SESSION, other.stream_id}
    assert marks[0][SESSION] != marks[1][SESSION]
    assert marks[0][other.stream_id] == marks[1][other.stream_id]


async def deleted_session_is_gone_and_its_name_is_free(store: Store) -> None:
    claim, _ = await filled(store, ["one"])
    await store.put_snapshot(claim, b"old")
    await store.put_partial(claim, b"old", append=False)
    before = await _marks(store)
    await store.delete(SESSION)
    await store.delete(SESSION)
    await all_fenced(store, claim)
    await raises(SessionNotFound, store.claim(SESSION))
    assert await store.list_streams() == []
    again, lines = await filled(store, ["two"])
    assert (await read_all(store, again), await store.get_snapshot(SESSION)) == (b"".join(lines), None)
    assert await store.get_partial(again) == b""
    assert await _marks(store) != before


async def _marks(store: Store) -> dict[str, str]:
    return {listed.stream_id: listed.mark for listed in await store.list_streams()}


# --- damage ---------------------------------------------------------------------------------------------------------


async def damage_is_told(store: Store, spoil: Spoil) -> None:
    """The good prefix is served, nothing can be added, other sessions do not notice."""
    claim, lines = await filled(store, ["one", "two", "three", "four"])
    other, others = await filled(store, ["fine"], "session_02contract")
    await store.release(claim)
    spoil(store, SESSION, 3)
    for _ in range(2):
        claim = await store.claim(SESSION)
        assert claim.damage is not None
        assert (claim.head, claim.damage.good_seq, claim.damage.session_id) == (2, 2, SESSION)
        assert (await read_all(store, claim), await read_all_back(store, claim, 9)) == (b"".join(lines[:2]),) * 2
        await raises(Damaged, store.append(claim, message_lines(SESSION, 3, ["no"]), expect=2))
    await raises(Damaged, store.verify(SESSION))
    await raises(SessionExists, store.create(SESSION, [first_line(SESSION)]))
    assert SESSION in await _marks(store)
    assert await read_all(store, other) == b"".join(others)


PROMISES: tuple[Promise, ...] = (
    what_was_appended_is_read_byte_for_byte,
    group_is_appended_whole,
    append_somewhere_else_is_refused_and_changes_nothing,
    reads_keep_their_limits,
    long_log_is_read_in_blocks_of_bounded_size,
    lines_of_the_greatest_size_are_kept,
    reader_is_shown_what_was_acknowledged_only,
    session_is_created_once,
    session_that_is_not_there_cannot_be_claimed,
    claim_is_over_after_release,
    second_claim_ends_the_first,
    claim_that_was_found_damaged_later_is_read_only,
    sessions_are_apart,
    log_from_elsewhere_is_taken_in_byte_for_byte,
    log_is_taken_in_whole_or_not_at_all,
    log_is_taken_in_under_a_free_id_only,
    log_is_mended_behind_a_record_and_goes_on,
    log_is_replaced_by_another_one_whole_or_not_at_all,
    blobs_are_kept_and_checked,
    snapshot_is_the_newest_or_none,
    partial_is_appended_to_or_replaced,
    index_is_kept,
    list_names_each_session_and_its_mark_follows_the_log,
    deleted_session_is_gone_and_its_name_is_free,
)

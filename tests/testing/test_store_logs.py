"""The logs that a store is tried with, and the helpers that read them back."""

import pytest

from duragent.errors import Fenced, SessionNotFound
from duragent.journal.line import seq_of
from duragent.journal.record import crc_seed, decode
from duragent.stores.memory import MemoryStore
from duragent.testing.store_logs import (
    SESSION,
    all_fenced,
    filled,
    first_line,
    message_lines,
    raises,
    read_all,
    read_all_back,
    seqs,
)


@pytest.mark.parametrize(("texts", "groups"), [(["a"], [None]), (["a", "b", "c"], ["1/3", "2/3", "3/3"])])
def test_lines_of_one_append_are_marked_as_a_group(texts: list[str], groups: list[str | None]) -> None:
    lines = message_lines(SESSION, 5, texts)
    assert [seq_of(line) for line in lines] == list(range(5, 5 + len(texts)))
    assert [decode(line, crc_seed(SESSION)).tx for line in lines] == groups


@pytest.mark.parametrize("limit", [1, 2, 1000])
async def test_log_is_read_back_whole_in_both_directions_whatever_the_limit(limit: int) -> None:
    store = MemoryStore()
    claim, lines = await filled(store, ["one", "two", "three"])
    whole = b"".join(lines)
    assert await read_all(store, claim, limit) == await read_all_back(store, claim, limit) == whole
    assert seqs(whole) == [1, 2, 3, 4]


async def test_error_that_is_awaited_must_come() -> None:
    store = MemoryStore()
    assert isinstance(await raises(SessionNotFound, store.claim(SESSION)), SessionNotFound)
    await store.create(SESSION, [first_line(SESSION)])
    with pytest.raises(AssertionError, match="SessionNotFound was not raised"):
        await raises(SessionNotFound, store.claim(SESSION))


async def test_a_claim_that_still_holds_is_not_taken_for_a_fenced_one() -> None:
    store = MemoryStore()
    claim, _ = await filled(store, ["one"])
    with pytest.raises(AssertionError, match="Fenced was not raised"):
        await all_fenced(store, claim)
    await store.release(claim)
    await raises(Fenced, store.read(claim, 0, 10))

"""The contract of a store notices one that breaks it."""

from collections.abc import Sequence

import pytest

from duragent.stores.base import Claim
from duragent.stores.memory import MemoryStore
from duragent.testing.store_contract import check_store


class _Forgetful(MemoryStore):
    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        await super().append(claim, lines[:1], expect=expect)


class _Unfenced(MemoryStore):
    def _mine(self, claim: Claim):  # type: ignore[no-untyped-def]  # the stream's class is private
        return self._streams[claim.stream_id]


@pytest.mark.parametrize("broken", [_Forgetful, _Unfenced])
async def test_broken_store_is_noticed(broken: type[MemoryStore]) -> None:
    with pytest.raises((AssertionError, KeyError, IndexError)):
        await check_store(broken)

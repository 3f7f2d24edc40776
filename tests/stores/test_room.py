"""The look at whether a folder can be written, by callers who come at any time."""

import asyncio
from pathlib import Path

import pytest

from duragent.stores.files import room
from duragent.stores.files.room import Room


async def test_callers_of_looks_that_follow_each_other_at_once_are_all_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "TRIED_SECONDS", 0.0)
    looked_at = Room(tmp_path)

    async def ask() -> list[str | None]:
        return [await looked_at.problem() for _ in range(5)]

    answers = await asyncio.gather(*(ask() for _ in range(5)))
    assert answers == [[None] * 5] * 5

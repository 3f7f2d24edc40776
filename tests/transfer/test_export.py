"""An export that fails, or whose caller goes away, leaves no file open."""

import asyncio
import io
from pathlib import Path
from typing import IO

import pytest

from duragent.errors import Damaged
from duragent.transfer.export import export
from tests.transfer.test_archive import DIGEST, SESSION, Place, members, place_in, zipped


class Files:
    """The temporary files that were made."""

    def __init__(self) -> None:
        self.made: list[IO[bytes]] = []

    def new(self) -> IO[bytes]:
        self.made.append(io.BytesIO())
        return self.made[-1]


async def exporting(place: Place, files: Files) -> IO[bytes]:
    return await export(place.house.sessions, place.house.clock, SESSION, files.new)


async def test_export_is_handed_over_open_at_its_beginning(tmp_path: Path) -> None:
    files = Files()
    async with place_in(tmp_path) as place:
        await place.take(zipped(members()))
        with await exporting(place, files) as file:
            assert (file, file.tell(), file.closed) == (files.made[0], 0, False)
            assert file.read(2) == b"PK"


async def test_export_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    files = Files()
    async with place_in(tmp_path) as place:
        await place.take(zipped(members()))
        (place.root / SESSION / "blobs" / DIGEST).unlink()
        with pytest.raises(Damaged, match="the blob is absent"):
            await exporting(place, files)
    assert [file.closed for file in files.made] == [True]


async def test_caller_who_goes_away_in_the_middle_of_an_export_leaves_nothing_open(tmp_path: Path) -> None:
    files = Files()
    async with place_in(tmp_path) as place:
        await place.take(zipped(members()))
        for steps in range(0, 200, 3):
            task = asyncio.ensure_future(exporting(place, files))
            for _ in range(steps):
                await asyncio.sleep(0)
            if not task.cancel():
                task.result().close()
            await asyncio.wait((task,))
    assert files.made
    assert all(file.closed for file in files.made)

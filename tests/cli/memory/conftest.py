"""A server whose agent `ada` remembers, and a person at its commands."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.commands import stdin_of
from tests.cli.desk import Desk
from tests.support.http_house import TOKEN, House
from tests.support.memories import Remembering, remembering


class MemoryDesk(Desk):
    """A desk with the memories of `ada`."""

    memories: Remembering


@pytest.fixture
async def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[MemoryDesk]:
    monkeypatch.setenv("DURAGENT_TOKEN", TOKEN)
    monkeypatch.setenv("LOGNAME", "me")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", stdin_of())
    house = House(tmp_path)
    house.start()
    async with remembering(house, tmp_path) as memories, house.served() as (_, client):
        desk = MemoryDesk(house, tmp_path, str(client.base_url).rstrip("/"), capsys)
        desk.memories = memories
        yield desk
    await house.close()

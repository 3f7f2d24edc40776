from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.http_house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    house.start()
    yield house
    await house.close()

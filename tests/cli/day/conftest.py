from collections.abc import Iterator

import pytest

from tests.cli.day.day import Day
from tests.cli.day.steps import SIZES
from tests.cli.place import Place
from tests.support.window import Size


@pytest.fixture(params=SIZES, ids=str)
def size(request: pytest.FixtureRequest) -> Size:
    found: Size = request.param
    return found


@pytest.fixture
def day(place: Place, size: Size) -> Iterator[Day]:
    """In every size; a test that needs one only says so with `@pytest.mark.parametrize("size", [USUAL], ids=str)`."""
    day = Day(place, size)
    with day.stack:
        yield day

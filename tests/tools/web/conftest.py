"""A site that tests of the web tool fetch from."""

from collections.abc import AsyncIterator

import pytest

from tests.tools.web.site import Site, serve


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serve() as site:
        yield site

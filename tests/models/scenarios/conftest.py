from collections.abc import AsyncIterator

import pytest

from duragent.models.base import ModelChoice
from duragent.models.direct.dialects import dialect_of
from tests.models.scenarios.doors import MODELS, Door, door_to

DIRECT = [(provider, "direct") for provider in MODELS if dialect_of(ModelChoice(provider, "m")) is not None]


@pytest.fixture(params=[*DIRECT, *((provider, "litellm") for provider in MODELS)], ids="-".join)
async def door(request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """Each protocol, directly and through litellm."""
    async with door_to(*request.param) as opened:
        yield opened


@pytest.fixture(params=DIRECT, ids="-".join)
async def direct(request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """Each protocol, directly."""
    async with door_to(*request.param) as opened:
        yield opened

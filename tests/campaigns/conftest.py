import pytest

from tests.campaigns.campaign import Campaign, only


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Campaign:
    return Campaign(request.node.nodeid, request.node.get_closest_marker("campaign") is not None, only())

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.campaign import Campaign, only


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Campaign:
    return Campaign(request.node.nodeid, request.node.get_closest_marker("campaign") is not None, only())


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that can be: no power is really cut."""
    memory = "/dev/shm"
    folder = Path(tempfile.mkdtemp(prefix="duragent-campaign-", dir=memory if os.access(memory, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def without_logging() -> Iterator[None]:
    """For tests in which most of what goes wrong is meant to: a traceback costs more than a run."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)

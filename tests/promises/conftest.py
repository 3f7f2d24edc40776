from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.real_server import RealServer, make_workspace


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    """A workspace with a demo agent; the test starts it."""
    server = make_workspace(tmp_path)
    yield server
    server.stop()

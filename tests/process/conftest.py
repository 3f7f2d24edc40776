import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """On the disk: a private /tmp has nothing of the machine's /tmp in it."""
    with tempfile.TemporaryDirectory(prefix="duragent-test-", dir="/var/tmp") as made:
        yield Path(os.path.realpath(made))

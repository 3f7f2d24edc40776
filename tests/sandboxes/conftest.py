import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that does not lie in /tmp, where everything is hidden anyway: it is the machine's own inside too."""
    cache = Path.home() / ".cache"
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="duragent-test-", dir=cache) as folder:
        yield Path(os.path.realpath(folder))


@pytest.fixture
def project(home: Path) -> Path:
    folder = home / "work" / "project"
    folder.mkdir(parents=True)
    return folder

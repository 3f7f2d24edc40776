import os
import shutil
import tempfile
from pathlib import Path

import pytest

_made: list[Path] = []


def pytest_configure(config: pytest.Config) -> None:
    """Servers of tests, and the programs that tests start, keep their tokens in a folder of this test run.

    It has a short path, because sockets lie in it.
    """
    folder = Path(tempfile.mkdtemp(prefix="da-"))
    _made.append(folder)
    for name, variable in {"run": "XDG_RUNTIME_DIR", "state": "XDG_STATE_HOME"}.items():
        (folder / name).mkdir(mode=0o700)
        os.environ[variable] = str(folder / name)


def pytest_unconfigure(config: pytest.Config) -> None:
    for folder in _made:
        shutil.rmtree(folder, ignore_errors=True)

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.left_servers import end_servers

# The servers and commands that tests start, and the workers of one run, share compiled files. Where the environment
# forbids to write them, each of these processes would compile the same modules again, which costs a third of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

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
        end_servers(folder)
        shutil.rmtree(folder, ignore_errors=True)

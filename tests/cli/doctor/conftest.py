from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Command
from tests.cli.doctor.machine import Machine


@pytest.fixture
def machine(folder: Path, duragent: Command) -> Iterator[Machine]:
    duragent("init", "--no-interactive")
    machine = Machine(folder)
    yield machine
    machine.end()

"""The table of the day's steps is what the tests do."""

import re
from pathlib import Path

from tests.cli.day.steps import STEPS

_DONE = re.compile(r'\.step\("([^"]+)"\)')


def test_every_step_of_the_table_is_done_by_a_test() -> None:
    tests = [path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py"))]
    done = {name for text in tests for name in _DONE.findall(text)}
    assert done == {step.name for step in STEPS}
    assert len({step.name for step in STEPS}) == len(STEPS)

"""What runs without asking when no file says otherwise."""

import pytest

from duragent.policy.rules import Allow, explain
from tests.policy.harmless import HARMLESS
from tests.support.judging import DEFAULT, verdict


@pytest.mark.parametrize("command", HARMLESS)
def test_reading_is_allowed_by_default(command: str) -> None:
    found = verdict(DEFAULT, command)
    assert isinstance(found, Allow), explain(found)


def test_there_are_enough_harmless_commands() -> None:
    assert len(set(HARMLESS)) >= 40

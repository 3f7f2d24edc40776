"""What slash commands have in common."""

import pytest

from duragent.cli.chat.commands.base import record_number
from duragent.errors import InvalidRequest


def test_a_record_is_named_by_its_number() -> None:
    assert [record_number("/pin", word) for word in ("12", "#12", "@12")] == [12, 12, 12]


@pytest.mark.parametrize("word", ["x", "0", "-1", "#", "\u0661", "1 2"])
def test_what_is_no_number_of_a_record_is_refused_with_the_command(word: str) -> None:
    with pytest.raises(InvalidRequest, match="/pin takes the number of a record"):
        record_number("/pin", word)

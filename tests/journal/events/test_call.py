"""What a person is shown of a call."""

import pytest

from duragent.journal.events.call import command_of


@pytest.mark.parametrize(
    ("invocation", "tool", "shown"), [("bash: ls", "bash", "bash: ls"), ("", "bash", "bash"), ("", "", "")]
)
def test_a_call_without_a_line_is_shown_as_its_tool(invocation: str, tool: str, shown: str) -> None:
    assert command_of(invocation, tool) == shown

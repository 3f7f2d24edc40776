"""What stands above the input line."""

from duragent.cli.chat.conversation import Conversation
from duragent.cli.chat.live import live_lines


def test_a_hint_is_shown_whole_on_a_narrow_terminal() -> None:
    hint = "Enter sends it; Esc goes back. One pattern on each line (Alt-Enter)."
    assert live_lines(Conversation("a"), 40, 8, hint) == [
        ("quiet", "Enter sends it; Esc goes back. One"),
        ("quiet", "pattern on each line (Alt-Enter)."),
    ]

"""What a command wrote for a terminal, as plain text."""

import pytest

from duragent.tools.terminal_text import cleaned


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("\x1bPq#0\x1b\\a\x1b(B\x1b7b\x9b31mc\x07", "abc"),
        ("\x1b]0;never ended", "0;never ended"),
        ("  1%\r 50%\r100%\ndone\r\nend\r", "100%\ndone\nend"),
        ("N\bNA\bAME\b\b\b\b\bx", "x"),
        ("a\0b\x01\tc\ud800", "a\ufffdb\ufffd\tc\ufffd"),
        ("line\u2028 é 漢 🙂", "line\u2028 é 漢 🙂"),
    ],
)
def test_terminal_sequences_are_taken_out(raw: str, text: str) -> None:
    assert cleaned(raw) == text


@pytest.mark.parametrize("piece", ["\x1b", "\x1b]", "\x1bP", "\x1b[", "\x1b[1", "\r", "\b", "a\b\r"])
def test_long_hostile_output_is_cleaned_in_linear_time(piece: str) -> None:
    assert len(cleaned(piece * 200_000)) <= 400_000

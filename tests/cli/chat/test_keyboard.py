"""What terminals send for keys and pastes, as prompt_toolkit gets it."""

import time

import pytest
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from duragent.cli.chat.keyboard import Keyboard

NEW_LINE = [(Keys.Escape, "\x1b"), (Keys.ControlM, "\r")]


def pressed(*pieces: str) -> list[tuple[str, str]]:
    got: list[KeyPress] = []
    keyboard = Keyboard(got.append)
    for piece in pieces:
        keyboard.feed(piece)
    keyboard.flush()
    return [(press.key, press.data) for press in got]


def usual(text: str) -> list[tuple[str, str]]:
    """What prompt_toolkit's own parser makes of it."""
    got: list[KeyPress] = []
    Vt100Parser(got.append).feed_and_flush(text)
    return [(press.key, press.data) for press in got]


@pytest.mark.parametrize(
    "sent",
    ["\x1b[13;2u", "\x1b[27;2;13~", "\x1b[13;3u", "\x1b\r", "\x1b[13;2:1u", "\x1b[57414;2u", "\x1b[27;5;13~"],
    ids=["shift in kitty", "shift in xterm", "alt in kitty", "alt", "with an event", "keypad", "ctrl in xterm"],
)
def test_enter_with_a_modifier_begins_a_new_line(sent: str) -> None:
    assert pressed(sent) == NEW_LINE
    # However the pieces come in.
    for at in range(1, len(sent)):
        assert pressed(sent[:at], sent[at:]) == NEW_LINE, at


@pytest.mark.parametrize(
    ("sent", "old"),
    [
        ("\x1b[99;5u", "\x03"),
        ("\x1b[100;5u", "\x04"),
        ("\x1b[27u", "\x1b"),
        ("\x1b[120;3u", "\x1bx"),
        ("\x1b[120;4u", "\x1bX"),
        ("\x1b[57400u", "1"),
        ("\x1b[57414u", "\r"),
        ("\x1b[57419u", "\x1b[A"),
        ("\x1b[127;3u", "\x1b\x7f"),
        ("\x1b[9;2u", "\x1b[Z"),
        ("\x1b[95;5u", "\x1f"),
        ("\x1b[1;129A", "\x1b[A"),
        ("\x1b[3;129~", "\x1b[3~"),
        ("\x1b[1;133C", "\x1b[1;5C"),
        ("\x1b[57441;2u", ""),
        ("\x1b[97;69u", "\x01"),
        ("abc\x1b[A\x1b[27ud", "abc\x1b[A\x1bd"),
    ],
)
def test_codes_of_the_kitty_protocol_are_the_keys_that_they_were(sent: str, old: str) -> None:
    expected = usual(old)
    if old.endswith("\x1bd"):
        expected = [*usual("abc\x1b[A"), (Keys.Escape, "\x1b"), ("d", "d")]
    assert pressed(sent) == expected


@pytest.mark.parametrize(
    "sent", ["hello", "\x1b", "\x1b[", "\x1b[1", "\x1b[A\x1b[1;5D", "\x1bOP", "é\x1b[3~", "\x1b[5;5R"]
)
def test_everything_else_is_read_as_before(sent: str) -> None:
    assert pressed(sent) == usual(sent)


@pytest.mark.parametrize("pasted", ["one\ntwo\r\nthree", "", "\x1b[13;2u\x1b[A", "\x1b[201", "\x1b\x1b[20"])
def test_paste_comes_whole_however_it_is_cut(pasted: str) -> None:
    sent = f"a\x1b[200~{pasted}\x1b[201~b"
    expected = [("a", "a"), (Keys.BracketedPaste, pasted), ("b", "b")]
    assert pressed(sent) == expected
    for size in (1, 2, 3, 5, 7):
        assert pressed(*(sent[at : at + size] for at in range(0, len(sent), size))) == expected, size


def test_answer_of_the_terminal_in_the_middle_of_a_paste_is_no_part_of_it() -> None:
    assert pressed("\x1b[200~one\x1b[12;1R two\x1b[201~") == [
        (Keys.CPRResponse, "\x1b[12;1R"),
        (Keys.BracketedPaste, "one two"),
    ]


def test_two_pastes_and_the_keys_between_them_are_told_apart() -> None:
    sent = "\x1b[200~one\x1b[201~-\x1b[200~two\x1b[201~\r"
    assert pressed(sent) == [
        (Keys.BracketedPaste, "one"),
        ("-", "-"),
        (Keys.BracketedPaste, "two"),
        (Keys.ControlM, "\r"),
    ]


def test_time_for_a_paste_grows_with_its_length_and_no_faster() -> None:
    def seconds(megabytes: int) -> float:
        keyboard = Keyboard(lambda press: got.append(len(press.data)))
        begun = time.process_time()
        keyboard.feed("\x1b[200~")
        for _ in range(megabytes * 1000):
            keyboard.feed(piece)
        keyboard.feed("\x1b[201~")
        return time.process_time() - begun

    piece, got = "x" * 999 + "\n", list[int]()
    once = min(seconds(1) for _ in range(3))
    # Eight times as long; prompt_toolkit's own parser takes some sixty times as long, and minutes for ten megabytes.
    assert seconds(8) < 24 * max(once, 0.005)
    assert got[-1] == 8_000_000

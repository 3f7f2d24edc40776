"""Nothing that a model, a file or a command says is invisible on a terminal, or drives it."""

import unicodedata

import pytest

from duragent.visible import in_sight, visible
from tests.support.unseen import UNSEEN


def test_every_character_that_cannot_be_seen_is_shown_as_its_code() -> None:
    for char in UNSEEN:
        assert visible(f"a{char}b") == in_sight(f"a{char}b") == f"a<U+{ord(char):04X}>b", hex(ord(char))


def test_every_character_of_a_format_category_is_shown_or_has_a_shape() -> None:
    with_a_shape = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}
    with_a_shape |= {*range(0x13430, 0x13440)}  # hieroglyphs' joiners, drawn as controls of a layout
    for code in range(0x110000):
        if unicodedata.category(chr(code)) == "Cf" and code not in with_a_shape:
            assert visible(f"a{chr(code)}b") != f"a{chr(code)}b", hex(code)


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",  # with a skin tone
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # a rainbow flag
        "\u2764\ufe0f \u2764\ufe0f\u200d\U0001f525",  # a heart, and one on fire
        "1\ufe0f\u20e3 #\ufe0f\u20e3 \u00a9\ufe0f \u2194\ufe0e \u203c\ufe0f",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian with ZWNJ
        "\u0915\u094d\u200d\u0937 \u0915\u094d\u200c\u0937",  # Devanagari with both
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala
        "\u0d28\u0d4d\u200d\u0d2e",  # Malayalam
        "\u4e2d\u6587 \u65e5\u672c\u8a9e \ud55c\uad6d\uc5b4 \u0e44\u0e17\u0e22 \u05e2\u05d1\u05e8\u05d9\u05ea",
        "a\tb\nc",
        "\u250c\u2500\u2500\u2510 \u2502 \u256d\u256e \u2503",
    ],
)
def test_what_belongs_to_a_script_or_an_emoji_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200db", "a<U+200D>b"),
        ("a\u200cb", "a<U+200C>b"),
        ("\u200d\U0001f469", "<U+200D>\U0001f469"),
        ("\U0001f469\u200d", "\U0001f469<U+200D>"),
        ("\U0001f469\u200d\u200d\U0001f469", "\U0001f469<U+200D><U+200D>\U0001f469"),
        ("\U0001f469\u200da", "\U0001f469<U+200D>a"),
        ("a\ufe0f", "a<U+FE0F>"),
        ("\u2764\ufe0f\ufe0f", "\u2764\ufe0f<U+FE0F>"),
        ("\u0645\u200ca", "\u0645<U+200C>a"),
        ("\U0001f3f4\U000e0068\U000e0069\U000e007f", "\U0001f3f4<U+E0068><U+E0069><U+E007F>"),
        ("\u6f22\U000e0100", "\u6f22<U+E0100>"),
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("\x1b]8;;https://evil\x07x\x1b]8;;\x07", "\ufffd]8;;https://evil\ufffdx\ufffd]8;;\ufffd"),
        ("\x9b2J\ud800", "\ufffd2J\ufffd"),
    ],
)
def test_what_is_out_of_place_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown

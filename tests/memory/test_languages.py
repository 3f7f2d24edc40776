"""Languages: what is one word, and what is written in one piece."""

import sys

import pytest

from duragent.errors import BadInput
from duragent.memory.languages import language, wholes


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("plain words, and a full stop.", []),
        ("it's well-known (mostly)", []),
        ("`src/app.py`: see C++, C# and a_b", ["src/app.py", "c++", "c#", "a_b"]),
        ("https://example.org/a?b=1 x@example.org #12 ~/notes v1.2.3", [
            "https://example.org/a?b=1", "x@example.org", "#12", "~/notes", "v1.2.3",
        ]),
        ("--- *** !!!", []),
    ],
)  # fmt: skip
def test_pieces_that_stay_whole(text: str, pieces: list[str]) -> None:
    assert [shown for shown, _ in wholes(text)] == pieces
    assert all(token.isalnum() and token.isascii() for _, token in wholes(text))


def test_scripts_without_spaces_are_cut_into_pairs_and_single_signs() -> None:
    cjk = language("cjk")
    assert [shown for shown, _ in cjk.tokens("東京の天気と猫、ギター PostgreSQL16")] == [
        "東京", "天気", "猫", "ギタ", "ター", "postgresql16",
    ]  # fmt: skip
    assert cjk.indexed("食べた") == "食 べた"
    assert [shown for shown, _ in cjk.tokens("ありがとう")] == ["あり", "りが", "がと", "とう"]


def test_snowball_takes_endings_off() -> None:
    german = language("de")
    assert german.indexed("Die Häuser des Nachbarn") == "die haus des nachbarn".replace(
        "haus", german.indexed("Häuser")
    )
    assert german.indexed("Hauses") == german.indexed("Haus")


def test_unknown_language_says_which_there_are() -> None:
    with pytest.raises(BadInput, match=r"'klingon' is not known; use en, none, cjk or one of .*de.*fi"):
        language("klingon")


def test_language_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    with pytest.raises(BadInput, match=r"snowballstemmer, which is not installed; install duragent\[languages\]"):
        language("sv")

"""What a forgotten note is known by, wherever it stands."""

import json

import pytest

from duragent.journal.redaction import REDACTED, AnyWords
from duragent.mind.forgetting import Sought

KEY, BIKE = "the key lies under the pot", "a flat tyre"


@pytest.mark.parametrize(
    "text",
    [
        f"you know, {KEY}!",
        KEY.upper(),
        KEY.replace(" ", "\n"),
        json.dumps({"content": json.dumps({"note": f"{KEY}\n".replace(" lies", "\nlies")})}),
        f"and {BIKE}",
    ],
)
def test_each_of_many_notes_is_found_however_it_is_written(text: str) -> None:
    wanted = Sought(frozenset(), AnyWords((KEY, BIKE)))
    assert wanted.finds(text)
    assert not Sought(frozenset(), AnyWords(("something else", BIKE + "s"))).finds(text)


def test_without_words_nothing_is_found_but_a_version_by_its_note() -> None:
    wanted = Sought(frozenset({"m_1"}))
    assert not wanted.finds(KEY)
    assert wanted.finds_version(f"- {KEY} <!-- m_1 -->")
    assert not wanted.finds_version(KEY)


def test_longest_text_goes_whole_where_one_begins_as_another() -> None:
    assert AnyWords(("the key", KEY)).without(f"{KEY}, {BIKE}") == f"{REDACTED}, {BIKE}"
    assert AnyWords().without(KEY) == KEY

"""The summary of a stretch of a log by code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duragent.context.tokens import tokens
from duragent.journal.events import MessageReceived, ModelReplied
from duragent.journal.record import Record
from duragent.memory.extract import extract, first_sentence


def exchanges(count: int, words: str = "word " * 20) -> list[Record]:
    records: list[Record] = []
    for number in range(count):
        asked = MessageReceived(message_id="m", text=f"Ask {number} {words}")
        answered = ModelReplied(message_id="m", text=f"Say {number}. {words}")
        records += [Record(2 * number + 1, "", asked), Record(2 * number + 2, "", answered)]
    return records


def test_a_message_gives_its_beginning_and_an_answer_its_first_sentence() -> None:
    made = extract(exchanges(1), 600, tokens)
    assert made.text == f"#1 user: Ask 0 {('word ' * 20).strip()}\n#2 agent: Say 0."


def test_when_there_are_too_many_the_first_and_the_last_stay_and_the_gap_is_told() -> None:
    lines = extract(exchanges(500), 200, tokens).text.splitlines()
    assert lines[0].startswith("#1 user: Ask 0")
    assert lines[-1] == "#1000 agent: Say 499."
    assert sum("messages in between" in line for line in lines) == 1


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(20, 600))
def test_it_is_never_longer_than_the_limit(count: int, limit: int) -> None:
    made = extract(exchanges(count, "src/a.py 12 ms " * 9), limit, tokens)
    assert tokens(made.text) + tokens(made.facts) <= limit


def test_the_same_records_give_the_same_bytes() -> None:
    assert extract(exchanges(30), 300, tokens) == extract(exchanges(30), 300, tokens)
    assert extract(exchanges(30), 300, tokens).source_sha256 != extract(exchanges(31), 300, tokens).source_sha256


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Done. More.", "Done."),
        ("# \n\nThe title", "The title"),
        ("one line\nanother", "one line"),
        ("", ""),
        ("v1.2 is out! Yes.", "v1.2 is out!"),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence

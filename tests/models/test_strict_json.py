"""Arguments of calls, which models write and providers read again."""

import json
from typing import Any

import pytest

from duragent.models.strict_json import MAX_DEPTH, is_flat, object_of, object_text


def nested(levels: int) -> str:
    """An object with so many levels."""
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    "text", ["{}", '{"path": "a"}', ' {"é": [1, 2.5, null]}\n', '{"n": -0.0, "m": 1e308}', nested(MAX_DEPTH)]
)
def test_arguments_that_are_an_object_are_taken_as_they_are(text: str) -> None:
    assert (object_of(text), object_text(text)) == (json.loads(text), text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "ls -l", "{", '{"a": 1}}', "null", "[]", "1", '"{}"'),
        *('{"a": NaN}', '{"a": [Infinity]}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": -1e999}'),
        *(nested(MAX_DEPTH + 1), nested(1000), nested(100_000), f'{{"a": {"9" * 5000}}}'),
    ],
)
def test_everything_else_counts_as_no_arguments(text: str) -> None:
    assert (object_of(text), object_text(text)) == ({}, "{}")


@pytest.mark.parametrize("text", ["{}", '{"a": [[1e308]]}', nested(MAX_DEPTH), '{"a": 1e999}', nested(990)])
def test_arguments_can_be_written_again(text: str) -> None:
    json.dumps([[[[object_of(text)]]]], allow_nan=False)


def test_value_is_flat_up_to_the_bound() -> None:
    flat: list[Any] = [None, "a", [], {"a": [{}]}, json.loads(nested(MAX_DEPTH))]
    assert all(map(is_flat, flat))
    assert not is_flat(json.loads(nested(MAX_DEPTH + 1)))

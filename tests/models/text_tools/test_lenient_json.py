"""What is nearly JSON is read where it can mean only one thing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.models.text_tools.lenient_json import MAX_VALUES, NotAlone, TooDeep, values


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ("", []),
        (" ,; \n", []),
        ('{"a": 1} {"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1},{"b": 2};', [{"a": 1}, {"b": 2}]),
        ('{"a": 1}}', [{"a": 1}]),
        ('{"a": [1, 2,],}', [{"a": [1, 2]}]),
        ("{'a': 'it is'}", [{"a": "it is"}]),
        ("{\u201ca\u201d: \u2018b\u2019}", [{"a": "b"}]),
        ("{a: True, b-c: None, $d: False}", [{"a": True, "b-c": None, "$d": False}]),
        ('{"a": /* one */ 1, // two\n "b": 2 # three\n}', [{"a": 1, "b": 2}]),
        ('{"a": "two\nlines",}', [{"a": "two\nlines"}]),
        (r'{"a": "\d+\n",}', [{"a": "\\d+\n"}]),
        (r'{"a": "\ud83d\ude00",}', [{"a": "\N{GRINNING FACE}"}]),
        ("[-1.5e3, 0, 12,]", [[-1500.0, 0, 12]]),
    ],
)
def test_value_that_can_mean_one_thing_only_is_read(text: str, read: list[object]) -> None:
    assert values(text) == read


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": "not closed}', "a string is not closed"),
        ('{"a" 1}', "a colon is expected"),
        ('{"a": 1 "b": 2}', "a comma or } is expected"),
        ("[1 2]", "a comma or ] is expected"),
        ("{: 1}", "a key is expected"),
        ('{"a": b}', "a value is expected"),
        ("}", "a value is expected"),
    ],
)
def test_value_that_can_mean_two_things_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^{problem} at character \d+$"):
        values(text)


@pytest.mark.parametrize("text", ['{"a": 1} and more', '{"a": 1} "', "1 " * (MAX_VALUES + 1)])
def test_something_else_after_a_value_is_told_apart(text: str) -> None:
    with pytest.raises(NotAlone):
        values(text)


@pytest.mark.parametrize("text", ["[" * 5_000, "[" * 101 + "x"])
def test_what_is_nested_too_deeply_is_told_apart(text: str) -> None:
    with pytest.raises(TooDeep):
        values(text)


def test_missing_brackets_are_added_only_on_demand() -> None:
    assert values('{"a": [1, {"b": 2', close=True) == [{"a": [1, {"b": 2}]}]
    for text in ('{"a": [1', '{"a": 1,'):
        with pytest.raises(ValueError, match="expected"):
            values(text)
    with pytest.raises(ValueError, match="a key is expected"):
        values('{"a": 1,', close=True)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=9))
def test_json_itself_is_read_as_json(value: object) -> None:
    assert values(json.dumps([value])) == [[value]]

"""Signs in the text that a call is meant, or is not."""

import pytest

from duragent.models.text_tools.hints import announces_example, ends_sentence, is_no_call


@pytest.mark.parametrize(
    ("start", "no_call"),
    [
        ('{"name": "ls"', False), ("{'tool': 'ls'", False), ("{name:", False), ('[{"function": ', False),
        ('{"tool_calls": [', False), ("{\u201cname\u201d:", False), ("{", False), ('{"na', False),
        ('{"color": "red"', True), ("[1, 2]", True), ("{=", True), ('["a"', True),
    ],
)  # fmt: skip
def test_json_with_another_first_key_is_no_call(start: str, no_call: bool) -> None:
    assert is_no_call(start) is no_call


@pytest.mark.parametrize(
    ("line", "announces"),
    [
        ("For example:", True), ("for instance, ", True), ("e.g.", True), ("Like this:", True),
        ("Example of a call:", True), ("**Example:**", True), ("examples usage of the tool:", True),
        ("I call the tool:", False), ("For example I list files now:", False), ("", False),
    ],
)  # fmt: skip
def test_line_before_an_example_announces_it(line: str, announces: bool) -> None:
    assert announces_example(line) is announces


@pytest.mark.parametrize(
    ("line", "ends"), [("Done.", True), ("so:", True), ("**bold**", True), ("(x)", True), ("and then", False)]
)
def test_end_of_a_sentence(line: str, ends: bool) -> None:
    assert ends_sentence(line) is ends

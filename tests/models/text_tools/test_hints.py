"""Signs in the text that a call is meant, or is not."""

import pytest

from duragent.models.text_tools.hints import LinesBefore, announces_example, ends_sentence, is_no_call


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


@pytest.mark.parametrize(
    ("lines", "paragraph", "example"),
    [
        ([], True, False),
        (["I look at it"], False, False),
        (["I look at it."], True, False),
        (["I look at it", ""], True, False),
        (["For example:"], True, True),
        (["For example:", ""], True, True),
        (["For example:", "", ""], True, False),
        (["For example:", "I look at it"], False, False),
    ],
)
def test_lines_in_front_say_whether_a_call_can_begin(lines: list[str], paragraph: bool, example: bool) -> None:
    before = LinesBefore()
    for line in lines:
        if line:
            before.add(line)
        else:
            before.add_blank()
    assert (before.ends_a_paragraph(), before.announces_example()) == (paragraph, example)


def test_words_before_an_example_hold_for_what_follows_it_and_end_with_a_call() -> None:
    before = LinesBefore()
    before.add("For example:")
    before.add("{}", keep_words=True)
    assert before.announces_example()
    before.clear()
    assert (before.announces_example(), before.ends_a_paragraph()) == (False, True)

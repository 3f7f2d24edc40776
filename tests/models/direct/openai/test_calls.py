"""Calls, however a server cuts and numbers their pieces."""

from typing import Any

import pytest

from duragent.models.direct.openai.calls import GatheredCalls
from duragent.models.messages import ToolCall
from tests.models.direct.openai.saying import piece

ONE, TWO = ToolCall(id="a", name="one", arguments='{"x": 1}'), ToolCall(id="b", name="two", arguments="{}")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([piece(0, '{"x": 1}', id="a", name="one"), piece(1, "{}", id="b", name="two")], (ONE, TWO)),
        ([piece(1, "{}", id="b", name="two"), piece(0, '{"x": 1}', id="a", name="one")], (ONE, TWO)),
        ([piece(0, "", id="a", name="one"), *(piece(0, each) for each in '{"x": 1}')], (ONE,)),
        (
            [piece(0, '{"x"', id="a", name="one"), piece(1, "{", id="b", name="two"), piece(0, ": 1}"), piece(1, "}")],
            (ONE, TWO),
        ),
        # All calls have number 0, or none.
        ([piece(0, '{"x": 1}', id="a", name="one"), piece(0, "{}", id="b", name="two")], (ONE, TWO)),
        ([piece(0, '{"x": 1}', name="one"), piece(0, "{}", name="two")], (
            ToolCall(id="call_1", name="one", arguments='{"x": 1}'), ToolCall(id="call_2", name="two", arguments="{}"),
        )),
        ([piece(None, '{"x": 1}', id="a", name="one"), piece(None, "{}", id="b", name="two")], (ONE, TWO)),
        (
            [piece(None, '{"x"', id="a", name="one"), piece(None, ": 1}"), piece(None, "{}", id="b", name="two")],
            (ONE, TWO),
        ),
        # The id and the name come with every piece.
        ([piece(0, '{"x"', id="a", name="one"), piece(0, ": 1}", id="a", name="one")], (ONE,)),
        ([piece(0, '{"x"', name="one"), piece(0, ": 1}", id="a", name="one")], (ONE,)),
        # Another id with every piece, without a name.
        ([piece(0, '{"x"', id="a", name="one"), piece(0, ": 1}", id="z")], (ONE,)),
        ([piece(0, {"x": 1}, id="a", name="one")], (ONE,)),
        ([piece(0, id="a", name="one")], (ToolCall(id="a", name="one", arguments=""),)),
        ([None, 3, {}, {"function": None}], ()),
    ],
)  # fmt: skip
def test_calls_are_put_together(pieces: list[Any], expected: tuple[ToolCall, ...]) -> None:
    calls = GatheredCalls()
    for each in pieces:
        calls.add(each)
    assert calls.whole() == expected


def test_call_of_the_older_kind() -> None:
    calls = GatheredCalls()
    calls.add_function({"name": "one", "arguments": '{"x"'})
    calls.add_function({"arguments": ": 1}"})
    assert calls.whole() == (ToolCall(id="call_1", name="one", arguments='{"x": 1}'),)

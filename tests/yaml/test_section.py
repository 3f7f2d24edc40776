"""What all mappings of YAML files have in common."""

import pytest
from pydantic import ValidationError

from duragent.yaml.section import Filled, FilledPath, Scalar, Texts, YamlSection


class Given(YamlSection):
    name: Filled = "x"
    path: FilledPath = "."
    value: Scalar = 0
    words: Texts = ()
    share: float = 0.0


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"name": " \n"}, "must not be empty"),
        ({"path": ""}, "must not be empty"),
        ({"path": "a\0b"}, "must not have a NUL character in it"),
        ({"value": [1]}, "must be a text, a number, or true or false"),
        ({"words": "abc"}, "valid tuple"),
        ({"words": [1]}, "valid string"),
        ({"share": float("inf")}, "finite number"),
        ({"other": 1}, "not permitted"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(data: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Given.model_validate(data)


@pytest.mark.parametrize("value", [True, 3, 0.5, "text"])
def test_a_scalar_keeps_its_type(value: object) -> None:
    assert Given.model_validate({"value": value}).value is value


def test_lists_become_tuples_that_cannot_be_changed() -> None:
    given = Given.model_validate({"words": ["a", "b"]})
    assert given.words == ("a", "b")
    with pytest.raises(ValidationError, match="frozen"):
        given.words = ()  # type: ignore[misc]  # that it is refused is the point

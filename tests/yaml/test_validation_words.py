"""What pydantic finds wrong, in words for the person who wrote it."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from duragent.yaml.validation_words import cut, problem_and_hint, unknown_key


class Cat(BaseModel):
    type: Literal["cat"] = "cat"


class Dog(BaseModel):
    type: Literal["dog"] = "dog"


class Everything(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    text: str = Field(default="abc", min_length=2, max_length=4)
    number: int = Field(default=1, gt=0, le=9)
    share: float = Field(default=0.5, ge=0, lt=1, allow_inf_nan=False)
    on: bool = True
    color: Literal["red", "green"] = "red"
    only: Literal["v1"] = "v1"
    pet: Annotated[Cat | Dog, Field(discriminator="type")] = Cat()
    even: int = 2

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


@pytest.mark.parametrize(
    ("field", "value", "problem", "hint"),
    [
        ("text", 5, "must be text, not <v>", None),
        ("text", "a", "must have at least 2 characters", None),
        ("text", "abcde", "must have at most 4 characters", None),
        ("number", "x", "must be a whole number, not <v>", None),
        ("number", 0, "must be more than 0, not <v>", None),
        ("number", 10, "must be 9 or less, not <v>", None),
        ("share", -0.1, "must be 0 or more, not <v>", None),
        ("share", 1.0, "must be less than 1, not <v>", None),
        ("share", float("inf"), "must be a finite number, not <v>", None),
        ("share", "x", "must be a number, not <v>", None),
        ("on", "yes", "must be true or false, not <v>", None),
        ("color", "gren", "must be one of red, green, not <v>", "did you mean 'green'?"),
        ("color", "blue", "must be one of red, green, not <v>", None),
        ("only", "v2", "must be 'v1', not <v>", None),
        ("pet", {"type": "cow"}, "type must be one of cat, dog, not 'cow'", None),
        ("pet", {}, "needs a 'type'", None),
        ("pet", 5, "must be an object, not <v>", None),
        ("even", 3, "must be even", None),
    ],
)
def test_a_fault_is_told_in_plain_words(field: str, value: object, problem: str, hint: str | None) -> None:
    assert problem_and_hint(first_fault({field: value}), "<v>") == (problem, hint)


def first_fault(data: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate(data)
    return dict(caught.value.errors()[0])


def test_what_is_missing_is_said_to_be() -> None:
    assert problem_and_hint({"type": "missing"}, "") == ("is missing", None)


def test_an_unknown_kind_of_fault_keeps_pydantics_words() -> None:
    assert problem_and_hint({"type": "odd", "msg": "Input is odd"}, "x") == ("input is odd", None)


def test_a_door_can_have_words_of_its_own_for_shapes() -> None:
    assert problem_and_hint({"type": "dict_type"}, "x", {"dict_type": "a map"}) == ("must be a map, not x", None)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("max-tokens", "did you mean `max_tokens`?"),
        ("apiversion", "did you mean `apiVersion`?"),
        ("api_version", "did you mean `apiVersion`?"),
        ("zzz", "known keys: apiVersion, max_tokens"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_or_all(key: str, hint: str) -> None:
    assert unknown_key(key, ["apiVersion", "max_tokens"]) == ("is not a known key", hint)


def test_long_values_are_cut() -> None:
    assert (cut("x" * 60), cut("x" * 61)) == ("x" * 60, "x" * 60 + "…")

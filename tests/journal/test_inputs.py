"""What may be posted: shapes that take what they know and refuse the rest."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from duragent.journal.inputs import (
    Cancel,
    ChooseModel,
    Close,
    Decision,
    EndGoal,
    ExpandSummary,
    Forget,
    HistorySummary,
    Input,
    Message,
    Pause,
    Pin,
    Rename,
    Resume,
    Revocation,
    RunCommand,
    SetGoal,
    Undo,
    Unpin,
)

SMALLEST: dict[type[BaseModel], dict[str, Any]] = {
    Message: {"text": "hi"},
    Cancel: {},
    Pause: {},
    Resume: {},
    Rename: {"title": "t"},
    ChooseModel: {},
    Close: {},
    Revocation: {"patterns": ("bash:ls *",)},
    Decision: {"call": "c", "decision": "deny"},
    Undo: {},
    Forget: {"fields": ()},
    RunCommand: {"command": "ls"},
    HistorySummary: {"level": 1, "first_seq": 1, "last_seq": 9},
    ExpandSummary: {"summary": 60},
    Pin: {"seq": 12},
    Unpin: {"seq": 12},
    SetGoal: {"text": "ship it"},
    EndGoal: {"goal": "g1"},
}
each_input = pytest.mark.parametrize(("kind", "fields"), SMALLEST.items(), ids=[kind.__name__ for kind in SMALLEST])


def test_the_table_has_each_input() -> None:
    assert set(SMALLEST) == set(get_args(Input))


@each_input
def test_an_unknown_field_is_refused(kind: type[BaseModel], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="colour"):
        kind.model_validate(fields | {"colour": "red"})


@each_input
def test_an_input_is_not_changed_once_it_is_made(kind: type[BaseModel], fields: dict[str, Any]) -> None:
    made = kind.model_validate(fields)
    for name in kind.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(made, name, None)


@each_input
def test_what_is_needed_is_needed(kind: type[BaseModel], fields: dict[str, Any]) -> None:
    for name in fields:
        with pytest.raises(ValidationError, match=name):
            kind.model_validate({other: value for other, value in fields.items() if other != name})


@pytest.mark.parametrize("decision", ["yes", "", "ALLOW_ONCE", None, 1])
def test_a_decision_is_one_of_seven(decision: object) -> None:
    with pytest.raises(ValidationError):
        Decision.model_validate({"call": "c", "decision": decision})


def test_text_may_hold_anything_that_people_and_models_send() -> None:
    assert Message(text="\ud800\x00\u2028").text == "\ud800\x00\u2028"

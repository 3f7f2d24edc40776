"""What all events have in common: they take what a later version adds, and never change."""

import pytest
from pydantic import BaseModel, ValidationError

from duragent.journal.events import EVENT_TYPES, Sender, SessionClosed, TokenCounts
from duragent.journal.events.base import Call, EventModel, PolicyFinding

each_event = pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=EVENT_TYPES)


@each_event
def test_an_event_is_named_for_its_class(kind: type[BaseModel]) -> None:
    assert kind.model_fields["type"].default in EVENT_TYPES
    assert issubclass(kind, EventModel)


@pytest.mark.parametrize("kind", [Sender, Call, TokenCounts, PolicyFinding, SessionClosed])
def test_fields_of_a_later_version_are_left_out(kind: type[EventModel]) -> None:
    needed = {name: "x" for name, field in kind.model_fields.items() if field.is_required()}
    assert kind.model_validate(needed | {"later": 1}) == kind.model_validate(needed)


def test_an_event_is_not_changed_once_it_is_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(SessionClosed(), "reason", "later")  # noqa: B010  # the type checker knows that it cannot be set

"""Which messages are a person's, and how a source is shown."""

import pytest

from duragent.journal.events import MessageReceived, SessionCreated
from duragent.journal.inputs import Message
from duragent.journal.source import is_person, source_and_door


@pytest.mark.parametrize(
    ("source", "person"),
    [
        ("http", True),
        ("cli", True),
        ("gateway", True),
        ("schedule", False),
        ("process", False),
        ("agent", False),
        ("legacy", False),
        ("a source of a later version", True),
        ("", True),
    ],
)
def test_an_unknown_source_counts_as_http(source: str, person: bool) -> None:
    assert is_person(source) is person


@pytest.mark.parametrize(
    ("source", "door", "shown"), [("http", "", "http"), ("http", "page", "http (page)"), ("moon", "", "moon")]
)
def test_the_door_stands_behind_the_source(source: str, door: str, shown: str) -> None:
    assert source_and_door(source, door) == shown


def test_inputs_and_events_take_any_source_and_door() -> None:
    assert Message(text="hi", source="moon", door="lander").model_dump(include={"source", "door"}) == {
        "source": "moon",
        "door": "lander",
    }
    for event in (MessageReceived(message_id="m", text=""), SessionCreated(agent="a")):
        assert (event.source, event.door) == ("http", "")
        later = type(event).model_validate(event.model_dump() | {"source": "moon", "door": "lander"})
        assert (later.source, later.door) == ("moon", "lander")

"""What a request may say."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from duragent import wire


@pytest.mark.parametrize(
    ("shape", "body", "field"),
    [
        (wire.CreateSession, {}, "agent"),
        (wire.CreateSession, {"agent": 1}, "agent"),
        (wire.CreateSession, {"agent": "a", "titel": "x"}, "titel"),
        (wire.CreateSession, {"agent": "a", "title": "one\ntwo"}, "title"),
        (wire.CreateSession, {"agent": "a", "title": "x" * 201}, "title"),
        (wire.SendMessage, {"content": None}, "content"),
        (wire.SendMessage, {"content": "x", "sender_name": "x" * 201}, "sender_name"),
        (wire.SendMessage, {"content": "x", "source": "x" * 65}, "source"),
        (wire.SendMessage, {"content": "x", "door": "a\nb"}, "door"),
        (wire.CreateSession, {"agent": "a", "door": "x" * 65}, "door"),
        (wire.ForkSession, {"at": 0}, "at"),
        (wire.ForkSession, {"at": "3"}, "at"),
        (wire.Decide, {"call_id": "c", "decision": "yes"}, "decision"),
        (wire.Decide, {"call_id": "c", "decision": "deny", "patterns": ["p"] * 51}, "patterns"),
        (wire.Decide, {"call_id": "c", "decision": "deny", "reason": "x" * 2_001}, "reason"),
    ],
)
def test_request_that_is_wrong_or_misspelt_is_refused_with_its_field(
    shape: type[BaseModel], body: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        shape.model_validate(body)
    assert [fault["loc"][0] for fault in caught.value.errors()] == [field]


@pytest.mark.parametrize("title", ["x" * 200, "  x  ", "", "täxt 🌍"])
def test_title_is_one_line_without_blanks_around_it(title: str) -> None:
    assert wire.ChangeSession(title=title).title == title.strip()


@pytest.mark.parametrize("content", ["", "\ud800", "a\0b", "\u2028", "x" * 100_000])
def test_what_a_person_says_may_be_any_text(content: str) -> None:
    sent = json.loads(json.dumps(wire.SendMessage(content=content).model_dump()))
    assert wire.SendMessage.model_validate(sent).content == content


@pytest.mark.parametrize(
    ("source", "counts_as"), [("http", "http"), ("cli", "cli"), ("gateway", "http"), ("legacy", "http"), ("", "http")]
)
def test_any_source_is_taken_and_an_unknown_one_counts_as_http(source: str, counts_as: str) -> None:
    assert wire.SendMessage(content="", source=source).source == counts_as
    assert wire.CreateSession(agent="a", source=source).source == counts_as


def test_a_client_without_a_door_sends_what_servers_without_the_field_take() -> None:
    sent = [
        body.model_dump(exclude_none=True) for body in (wire.SendMessage(content="x"), wire.CreateSession(agent="a"))
    ]
    assert sent == [{"content": "x", "source": "http"}, {"agent": "a", "source": "http"}]

"""What stands in a stream beside the records."""

import pytest
from pydantic import ValidationError

from duragent.wire import Delta, Hello


def test_delta_of_a_server_without_kinds_is_text_and_has_no_call() -> None:
    delta = Delta.model_validate({"turn": "t", "step": 1, "attempt": 1, "offset": 0, "text": "\ud800", "later": True})
    assert (delta.kind, delta.call, delta.text) == ("text", None, "\ud800")


@pytest.mark.parametrize("missing", ["session_id", "head", "oldest", "log"])
def test_greeting_without_one_of_its_facts_is_none(missing: str) -> None:
    fields = {"session_id": "s", "head": 3, "oldest": 1, "log": "l"}
    assert Hello.model_validate(fields).log == "l"
    with pytest.raises(ValidationError):
        Hello.model_validate({name: value for name, value in fields.items() if name != missing})

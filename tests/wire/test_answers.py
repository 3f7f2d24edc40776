"""What an answer may say, also one of a later version."""

import pytest
from pydantic import BaseModel

from duragent import wire


@pytest.mark.parametrize("shape", [wire.SessionInfo, wire.Answer, wire.Approval, wire.Ready, wire.Problem])
def test_answer_of_a_later_server_may_have_more_fields(shape: type[BaseModel]) -> None:
    known = {
        name: "active" if name == "status" else 1 if field.annotation is int else "approval" if name == "kind" else "x"
        for name, field in shape.model_fields.items()
        if field.is_required()
    }
    known |= {"status": "ok"} if shape is wire.Ready else {"status": 400} if shape is wire.Problem else {}
    assert not hasattr(shape.model_validate(known | {"field_of_a_later_version": {"a": 1}}), "field_of_a_later_version")

"""How answers look on the wire."""

import json

import pytest

from duragent.server.responses import answer, replayed, text, to_json
from duragent.wire import Version


@pytest.mark.parametrize("value", ["täxt", "\ud800", "\u2028", "\x00", "🌍", {"a": [1, None, True]}])
def test_json_is_ascii_and_comes_back_as_it_was(value: object) -> None:
    encoded = to_json(value)
    assert encoded.isascii()
    assert json.loads(encoded) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_has_no_word_for_is_never_sent(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"cost": number})


def test_answer_is_its_shape_with_its_status_and_headers() -> None:
    response = answer(Version(version="1", commit="c", build_date="d"), 201, {"Location": "/x"})
    assert (response.status_code, response.headers["location"]) == (201, "/x")
    assert response.headers["content-type"] == "application/json"
    assert json.loads(bytes(response.body)) == {"version": "1", "commit": "c", "build_date": "d", "variant": "core"}


def test_text_is_plain_and_a_known_key_is_told() -> None:
    assert text("ok").headers["content-type"].startswith("text/plain")
    assert (replayed(True), replayed(False)) == ({"Idempotency-Replayed": "true"}, {})

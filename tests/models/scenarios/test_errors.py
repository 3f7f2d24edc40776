"""What goes wrong at a provider, as our own errors with one line that holds no key: directly and through litellm."""

from typing import Any

import pytest

from duragent.errors import AuthenticationFailed, BadModelRequest, ModelUnavailable, RateLimited
from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import Failure, ProviderAnswer
from tests.models.scenarios.doors import KEYS, Door, failure

CALL = ToolCall(id="call_1", name="ls", arguments='{"path": "."}')


async def test_rate_limit_becomes_rate_limited_with_its_wait(door: Door) -> None:
    error = await failure(door, Failure(429, "slow down, friend", {"retry-after": "7"}))
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 7
    assert str(error) == f"{door.model.label}: slow down, friend"


@pytest.mark.parametrize(
    ("status", "wait"), [(408, 3.0), (500, None), (502, None), (503, 9.0), (504, None), (529, 1.5)]
)
async def test_server_errors_become_model_unavailable_with_their_wait(
    door: Door, status: int, wait: float | None
) -> None:
    headers = {} if wait is None else {"retry-after": str(wait)}
    error = await failure(door, Failure(status, "overloaded", headers))
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_seconds == wait


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key_becomes_authentication_failed_and_is_not_told(door: Door, status: int) -> None:
    error = await failure(door, Failure(status, f"the key {KEYS[f'{door.provider.upper()}_API_KEY']} is wrong"))
    assert isinstance(error, AuthenticationFailed)


@pytest.mark.parametrize("status", [400, 402, 413])
async def test_other_client_errors_become_bad_model_request(door: Door, status: int) -> None:
    error = await failure(door, Failure(status, 'there is no model "nöpe"'))
    assert isinstance(error, BadModelRequest)
    assert str(error) == f'{door.model.label}: there is no model "nöpe"'


async def test_html_error_page_becomes_one_short_line(door: Door) -> None:
    page = b"<html>\n<h1>Bad\x1b[31m gateway</h1>\n" + b"x" * 5000
    error = await failure(door, Failure(502, body=page, headers={"content-type": "text/html"}))
    assert isinstance(error, ModelUnavailable)
    assert str(error) == (
        f"{door.model.label}: {door.url} answered with a web page (status 502), not with the API: is base_url right?"
    )


async def test_web_page_in_place_of_an_answer_asks_whether_the_address_is_right_and_is_final(door: Door) -> None:
    error = await failure(door, Failure(200, body=b"<!DOCTYPE html><p>hi", headers={"content-type": "text/html"}))
    assert isinstance(error, BadModelRequest)
    assert str(error).endswith(" answered with a web page, not with the API: is base_url right?")


@pytest.mark.parametrize("cut", ["break", "end", "error"])
@pytest.mark.parametrize("after", [0, 2])
async def test_stream_that_ends_too_early_becomes_model_unavailable(door: Door, cut: Any, after: int) -> None:
    error = await failure(door, ProviderAnswer("one two three four", cut_after_chunks=after, cut=cut))
    assert isinstance(error, ModelUnavailable)


async def test_stream_that_breaks_in_a_tool_call_becomes_model_unavailable(door: Door) -> None:
    error = await failure(door, ProviderAnswer(calls=(CALL, CALL), cut_after_chunks=1, cut="end"))
    assert isinstance(error, ModelUnavailable)

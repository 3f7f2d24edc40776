"""The `server:` block: who may reach the server decides what it must ask for."""

from typing import Any

import pytest
from pydantic import ValidationError

from duragent.server.settings import ServerSettings


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"host": "localhost", "auth": "local"},
        {"host": "::1"},
        {"host": "127.0.0.9", "auth": "local"},
        {"host": "0.0.0.0", "api_token": "secret"},
        {"host": "::", "api_token": "secret"},
        {"port": 0},
        {"api_token": ""},
    ],
)
def test_settings_of_a_safe_server_are_taken(good: dict[str, Any]) -> None:
    settings = ServerSettings(**good)
    assert settings.api_token == (good.get("api_token") or None)


@pytest.mark.parametrize(
    ("bad", "field", "problem"),
    [
        ({"host": "0.0.0.0"}, "api_token", "other machines can reach the server at 0.0.0.0"),
        ({"host": "10.0.0.1", "api_token": ""}, "api_token", "other machines can reach the server at 10.0.0.1"),
        (
            {"host": "0.0.0.0", "api_token": "x", "auth": "local"},
            "auth",
            "'local' is only for a server on this",
        ),
        ({"host": "example.com"}, "host", "must be an IP address or localhost, not 'example.com'"),
        ({"port": 65_536}, "port", "less than or equal to 65535"),
        ({"port": "80"}, "port", "valid integer"),
        ({"max_connections": 0}, "max_connections", "greater than or equal to 1"),
        ({"request_timeout_seconds": float("inf")}, "request_timeout_seconds", "finite"),
        ({"prot": 1}, "prot", "Extra inputs are not permitted"),
    ],
)
def test_settings_that_are_wrong_or_would_let_strangers_in_are_refused(
    bad: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        ServerSettings(**bad)
    [fault] = [fault for fault in caught.value.errors() if fault["loc"] == (field,)]
    assert problem in fault["msg"]


def test_tokens_are_not_in_the_repr() -> None:
    shown = repr(ServerSettings(api_token="secret-1", admin_token="secret-2"))
    assert "secret" not in shown

"""The `server:` block of duragent.yaml."""

import ipaddress
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from duragent.errors import InvalidRequest
from duragent.yaml.validation_words import problem_and_hint

# `${TOKEN:-}` means "a token if there is one": an empty token must never count as one.
Token = Annotated[str | None, BeforeValidator(lambda value: None if value == "" else value)]


MAX_CONNECTIONS = (
    "How many requests are worked on at a time; besides them as many that wait for the end of a turn, and as many "
    "streams. The others wait, at most for `request_timeout_seconds`."
)


class ServerSettings(BaseModel):
    """Where the server listens, who may use it, and how long it waits."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    host: str = Field(default="127.0.0.1", description="The address to listen on: an IP address, or localhost.")
    port: int = Field(default=8080, ge=0, le=65_535, description="The port; 0 takes a free one.")
    api_token: Token = Field(
        default=None, repr=False, validate_default=True, description="What clients must show; needed beyond localhost."
    )
    admin_token: Token = Field(default=None, repr=False, description="What the admin routes want instead.")
    auth: Literal["token", "local"] = Field(
        default="token",
        description="`local`: this user's own programs on this machine need no token; for clients that can send none.",
    )
    request_timeout_seconds: float = Field(default=300, gt=0, description="The time for one request, except streams.")
    idle_timeout_seconds: float = Field(default=60, gt=0, description="The longest silence of a model in a stream.")
    keep_alive_interval_seconds: float = Field(default=15, gt=0, description="How often a quiet stream says it lives.")
    max_connections: int = Field(default=1024, ge=1, description=MAX_CONNECTIONS)
    shutdown_grace_seconds: float = Field(default=10, ge=0, description="The time that a stop leaves to running turns.")

    @field_validator("host")
    @classmethod
    def _host_is_an_address(cls, host: str) -> str:
        if host != "localhost":
            _address(host)
        return host

    @field_validator("api_token")
    @classmethod
    def _token_beyond_loopback(cls, token: str | None, info: ValidationInfo) -> str | None:
        host = info.data.get("host", "localhost")
        if token is None and host != "localhost" and not _address(host).is_loopback:
            raise ValueError(f"is needed, because other machines can reach the server at {host}")
        return token

    @field_validator("auth")
    @classmethod
    def _local_is_local(cls, auth: str, info: ValidationInfo) -> str:
        host = info.data.get("host", "localhost")
        if auth == "local" and host != "localhost" and not _address(host).is_loopback:
            raise ValueError(f"'local' is only for a server on this machine alone, and `host` is {host}")
        return auth


def with_options(settings: ServerSettings, host: str | None, port: int | None) -> ServerSettings:
    """The settings with the command line's wishes; checked again, because a public host needs a token."""
    wishes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if not wishes:
        return settings
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    try:
        return ServerSettings.model_validate(given | wishes)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem, _ = problem_and_hint(first, f"'{first['input']}'")
        raise InvalidRequest(f"server: {problem}") from error


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"must be an IP address or localhost, not '{host[:60]}'") from None

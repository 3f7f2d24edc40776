"""Which failures of a model are worth another try, and what a command's errors say."""

import pytest

from duragent.errors import (
    AuthenticationFailed,
    BadModelRequest,
    ModelError,
    ModelNotConfigured,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
    SandboxUnavailable,
    Stopping,
)


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        (ModelError, False), (RateLimited, True), (ModelUnavailable, True), (ModelTimeout, True),
        (AuthenticationFailed, False), (BadModelRequest, False), (ModelNotConfigured, False),
    ],
)  # fmt: skip
def test_only_what_may_pass_is_tried_again(kind: type[ModelError], retryable: bool) -> None:
    assert kind.retryable is retryable


@pytest.mark.parametrize("kind", [RateLimited, ModelUnavailable])
def test_the_providers_own_delay_is_kept(kind: type[RateLimited] | type[ModelUnavailable]) -> None:
    assert (kind("slow down").retry_after_seconds, kind("slow down", 1.5).retry_after_seconds) == (None, 1.5)


def test_sentences() -> None:
    assert str(Stopping()) == "the server is stopping; try again in a moment"
    error = SandboxUnavailable("docker", "no image is set")
    assert (str(error), error.name, error.why) == (
        "sandbox 'docker' cannot be used: no image is set",
        "docker",
        "no image is set",
    )

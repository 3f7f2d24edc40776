"""What goes wrong while work is done: the server stops, a command is lost, a model does not answer.

The tree is in `duragent.errors`.
"""

from typing import ClassVar

from duragent.errors.base import DuragentError


class Stopping(DuragentError):
    code = "stopping"

    def __init__(self) -> None:
        super().__init__("the server is stopping; try again in a moment")


class RunnerLost(DuragentError):
    """A command was started, and what came of it cannot be known."""

    code = "runner-lost"


class SandboxUnavailable(DuragentError):
    """`name` is the sandbox, `why` a sentence with what to do about it."""

    code = "sandbox-unavailable"

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        super().__init__(f"sandbox '{name}' cannot be used: {why}")


class ModelError(DuragentError):
    """The model gave no answer. `retryable` says whether asking again can help."""

    code = "model-error"
    retryable: ClassVar[bool] = False


class RateLimited(ModelError):
    code = "rate-limited"
    retryable = True

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class ModelUnavailable(ModelError):
    """5xx, 408, or the connection failed or broke. May carry the provider's Retry-After."""

    code = "model-unavailable"
    retryable = True

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class ModelTimeout(ModelError):
    code = "model-timeout"
    retryable = True


class AuthenticationFailed(ModelError):
    code = "authentication-failed"


class BadModelRequest(ModelError):
    code = "bad-model-request"


class ModelNotConfigured(ModelError):
    code = "model-not-configured"


class EmbedderError(DuragentError):
    """No vectors came for some texts."""

    code = "embedder-error"


class EmbedderUnavailable(EmbedderError):
    """It is down, slow, busy, or wants something else set right first. A later attempt may help."""

    code = "embedder-unavailable"

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class EmbeddingRefused(EmbedderError):
    """This batch has no vectors: what came back cannot be used, or a text is not taken.

    `text_is_at_fault`: the same texts in smaller batches may be taken, but for one.
    """

    code = "embedding-refused"

    def __init__(self, message: str, *, text_is_at_fault: bool = False) -> None:
        self.text_is_at_fault = text_is_at_fault
        super().__init__(message)

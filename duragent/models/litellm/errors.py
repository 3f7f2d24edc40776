"""What litellm says went wrong, as an error of ours. Pure.

litellm's class alone does not tell: it calls a 403, a 404 and a 408 from OpenAI `BadRequestError`, and a refused
connection `InternalServerError`. The status code it keeps beside the class is right, so that one decides.
"""

import ast
import re
from collections.abc import Mapping
from typing import Any

from duragent.errors import ModelError, ModelTimeout, ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.faults import (
    WEB_PAGE,
    causes_of,
    error_of_answer,
    is_html,
    of_web_page,
    one_line,
    quoted_message,
    retry_after_seconds,
    without_key,
)
from duragent.models.unreached import sentence_when_unreached

_NOISE = re.compile(
    r"litellm\.\w+:\s*|\b\w+(?:Error|Exception) - |\b[A-Z]\w+Error:\s*"
    r"|\. Handle with `litellm.*|\s*To drop these, set.*|Traceback \(most.*",
    re.DOTALL,
)
_BYTES = re.compile(r"""b'(?:[^'\\]|\\.)*'|b"(?:[^"\\]|\\.)*\"""")
_OBJECT = re.compile(r"\s*(?:\b\w+:)?<[\w.]+ object at 0x[0-9a-f]+>")


def model_error(error: Exception, choice: ModelChoice, key: str | None) -> ModelError:
    """The `ModelError` for any exception of litellm. Its message is one line and never contains the key."""
    if isinstance(error, ModelError):
        return error
    inner = getattr(error, "original_exception", None)
    cause = inner if isinstance(inner, Exception) else error
    headers = _headers(cause)
    answered = headers is not None
    unreached = None if answered else sentence_when_unreached(causes_of(cause), choice)
    if unreached is not None:
        return ModelUnavailable(without_key(unreached, key))
    sentence = _sentence(cause, key)
    if _is_timeout(cause) and not answered:
        return ModelTimeout(f"{choice.label} did not answer in time: {sentence}")
    status = getattr(cause, "status_code", None)
    status = int(status) if isinstance(status, int) or (isinstance(status, str) and status.isdigit()) else None
    # Some send their JSON as text/html; what it says is worth more than our guess.
    if answered and quoted_message(str(cause)) is None and (is_html(headers) or WEB_PAGE.search(str(cause))):
        sentence = without_key(of_web_page(choice, status), key)
    wait = retry_after_seconds((headers or {}).get("retry-after"), (headers or {}).get("date"))
    return error_of_answer(choice, status, sentence, wait if answered else None)


def _headers(error: Exception) -> Mapping[str, str] | None:
    """The headers of the provider's answer; None when it never answered."""
    kept: Any = getattr(error, "litellm_response_headers", None)
    if kept:
        return {str(name).lower(): str(value) for name, value in dict(kept).items()}
    return None


def _is_timeout(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or any("Timeout" in kind.__name__ for kind in type(error).__mro__)


def _sentence(error: Exception, key: str | None) -> str:
    text = _BYTES.sub(lambda found: _decoded(found.group()), str(error))
    said = quoted_message(text) or _OBJECT.sub("", _NOISE.sub("", text))
    return one_line(said, key) or type(error).__name__


def _decoded(literal: str) -> str:
    """The text of a bytes literal: litellm prints some providers' bodies that way."""
    try:
        value = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return literal
    return bytes(value).decode("utf-8", "replace")

"""What went wrong at a provider, in our own words. Pure.

litellm's class alone does not tell: it calls a 403, a 404 and a 408 from OpenAI `BadRequestError`, and a refused
connection `InternalServerError`. The status code it keeps beside the class is right, so that one decides.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from duragent.errors import (
    AuthenticationFailed,
    BadModelRequest,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from duragent.models.base import ModelChoice
from duragent.models.litellm.unreached import sentence_when_unreached, shown_address
from duragent.text import cut_to, printable

_LONGEST = 300
_NOISE = re.compile(
    r"litellm\.\w+:\s*|\b\w+(?:Error|Exception) - |\b[A-Z]\w+Error:\s*|\. Handle with `litellm.*|Traceback \(most.*",
    re.DOTALL,
)
_BYTES = re.compile(r"""b'(?:[^'\\]|\\.)*'|b"(?:[^"\\]|\\.)*\"""")
_SENTENCE = re.compile(r'"message"\s*:\s*("(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})+")')
_OBJECT = re.compile(r"\s*(?:\b\w+:)?<[\w.]+ object at 0x[0-9a-f]+>")
_WEB_PAGE = re.compile(r"<!doctype html|<html[\s>]", re.IGNORECASE)
_NOT_FOUND = 404
_ONE_DAY_SECONDS = 86_400.0


def model_error(error: Exception, choice: ModelChoice, key: str | None) -> ModelError:
    """The `ModelError` for any exception of litellm. Its message is one line and never contains the key."""
    if isinstance(error, ModelError):
        return error
    inner = getattr(error, "original_exception", None)
    cause = inner if isinstance(inner, Exception) else error
    headers = _headers(cause)
    answered = headers is not None
    unreached = None if answered else sentence_when_unreached(_chain(cause), choice)
    if unreached is not None:
        return ModelUnavailable(_without_key(unreached, key))
    sentence = _sentence(cause, key)
    if _is_timeout(cause) and not answered:
        return ModelTimeout(f"{choice.label} did not answer in time: {sentence}")
    status = getattr(cause, "status_code", None)
    status = int(status) if isinstance(status, int) or (isinstance(status, str) and status.isdigit()) else None
    # Some send their JSON as text/html; what it says is worth more than our guess.
    if answered and not _SENTENCE.search(str(cause)) and (_is_html(headers) or _WEB_PAGE.search(str(cause))):
        sentence = _without_key(_of_web_page(choice, status), key)
    if choice.provider == "ollama" and status == _NOT_FOUND and "not found" in sentence:
        sentence = f"it does not have this model: `ollama pull {choice.name}`"
    wait = retry_after_seconds((headers or {}).get("retry-after"), (headers or {}).get("date"))
    return _by_status(status, answered, f"{choice.label}: {sentence}", wait)


def unfinished(choice: ModelChoice, headers: Mapping[str, str] | None) -> ModelError:
    """The error for a stream that ended too early, or for a web page in place of a stream."""
    if _is_html(headers):
        # Another attempt would get the same page: a person has to look.
        return BadModelRequest(f"{choice.label}: {_of_web_page(choice, 200)}")
    return ModelUnavailable(f"{choice.label}: the answer broke off before its end")


def _of_web_page(choice: ModelChoice, status: int | None) -> str:
    at = f"{shown_address(choice.base_url)} " if choice.base_url else ""
    which = f" (status {status})" if status not in (None, 200) else ""
    advice = ": is base_url right?" if choice.base_url else ""
    return f"{at}answered with a web page{which}, not with the API{advice}"


def _is_html(headers: Mapping[str, str] | None) -> bool:
    kind = next((value for name, value in (headers or {}).items() if name.lower().endswith("content-type")), "")
    return kind.lower().startswith("text/html")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from; litellm keeps the connection's own words only there."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _by_status(status: int | None, answered: bool, message: str, wait: float | None) -> ModelError:
    if status == 429:
        return RateLimited(message, wait)
    if status in (401, 403):
        return AuthenticationFailed(message)
    if status is not None and 400 <= status < 500 and status != 408:
        return BadModelRequest(message)
    # What has no status is a connection, or a fault in litellm itself; a turn asks only so often, so it may try again.
    return ModelUnavailable(message, wait if answered else None)


def retry_after_seconds(value: str | None, answered_at: str | None) -> float | None:
    """The seconds a Retry-After header asks for, None when it says nothing sensible.

    It is a number, or a date that counts from the answer's own Date header: so the two machines' clocks need not agree.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - parsedate_to_datetime(answered_at or "")).total_seconds()
        except (ValueError, TypeError):
            return None
    # NaN fails this comparison, and so do infinity and what is longer than a day.
    return max(seconds, 0.0) if seconds < _ONE_DAY_SECONDS else None


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
    found = _SENTENCE.search(text)
    said = str(json.loads(found.group(1), strict=False)) if found else _OBJECT.sub("", _NOISE.sub("", text))
    line = " ".join(printable(_without_key(said, key)).split()) or type(error).__name__
    return cut_to(line, _LONGEST)


def _without_key(said: str, key: str | None) -> str:
    # The provider may quote the key back. The placeholder "none" is a word like any other.
    return said.replace(key, "…") if key and key != "none" else said


def _decoded(literal: str) -> str:
    """The text of a bytes literal: litellm prints some providers' bodies that way."""
    try:
        value = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return literal
    return bytes(value).decode("utf-8", "replace")

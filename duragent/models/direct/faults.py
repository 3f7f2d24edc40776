"""What went wrong at a provider that is asked directly, as an error of ours. Pure, but for httpx's classes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duragent.errors import BadModelRequest, ModelError, ModelTimeout, ModelUnavailable
from duragent.http.library import httpx
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
)
from duragent.models.unreached import sentence_when_unreached, shown_address


@dataclass
class ProviderFault(Exception):
    """The provider said that it failed, behind a status of 200."""

    said: str
    """In its own words."""
    status: int | None = None
    """The HTTP status that would have said the same; None when it names none."""


def refused(choice: ModelChoice, key: str | None, response: httpx.Response, body: bytes) -> ModelError:
    """The error for an answer whose status is not 200. `body` may be cut."""
    status = response.status_code
    text = body.decode("utf-8", "replace")
    if 300 <= status < 400:
        return BadModelRequest(one_line(f"{choice.label}: redirected to {_target(response)}: is base_url right?", key))
    sentence = said_in(text)
    if sentence is None and (is_html(response.headers) or WEB_PAGE.search(text)):
        sentence = of_web_page(choice, status)
    wait = retry_after_seconds(_wait_of(response.headers), response.headers.get("date"))
    return error_of_answer(choice, status, one_line(sentence or text, key) or f"status {status}", wait)


def _target(response: httpx.Response) -> str:
    try:
        return shown_address(str(response.url.join(response.headers["location"])))
    except (KeyError, ValueError, httpx.InvalidURL):
        return "nowhere"


def failed_inside(choice: ModelChoice, key: str | None, fault: ProviderFault) -> ModelError:
    """The error for a failure that the provider told in a stream that began well."""
    return error_of_answer(choice, fault.status, one_line(fault.said, key) or "failed without a word")


def unreached_or_broken(choice: ModelChoice, key: str | None, error: Exception) -> ModelError:
    """The error for a connection that could not be made, or broke."""
    sentence = sentence_when_unreached(causes_of(error), choice)
    if sentence is not None:
        return ModelUnavailable(one_line(sentence, key))
    if isinstance(error, httpx.TimeoutException):
        return ModelTimeout(f"{choice.label} did not answer in time")
    what = one_line(str(error), key) or type(error).__name__
    return ModelUnavailable(f"{choice.label}: the connection broke ({what})")


def said_in(text: str) -> str | None:
    """The sentence in a provider's JSON, wherever that has it; None when there is none."""
    try:
        found = _sentence_of(json.loads(text))
    except (ValueError, RecursionError):
        return quoted_message(text)
    return found


def _sentence_of(value: Any) -> str | None:
    if isinstance(value, list):
        # Gemini wraps its errors in a list.
        return _sentence_of(value[0]) if value else None
    if not isinstance(value, dict):
        return None
    for name in ("error", "message", "detail", "msg"):
        inner = value.get(name)
        if isinstance(inner, str) and inner.strip():
            return _where(value) + inner + _from_behind(value)
        if (found := _sentence_of(inner)) is not None:
            return found
    return None


def _where(value: Mapping[str, Any]) -> str:
    """Mistral, and all that is made with FastAPI, name the field that is wrong."""
    place = value.get("loc")
    return f"{'.'.join(map(str, place))}: " if isinstance(place, list) and place else ""


def _from_behind(value: Mapping[str, Any]) -> str:
    """OpenRouter puts what the provider behind it said beside a sentence that says nothing."""
    more = value.get("metadata")
    raw = more.get("raw") if isinstance(more, Mapping) else None
    if not isinstance(raw, str) or not raw.strip():
        return ""
    return f" ({more.get('provider_name') or 'the provider'}: {said_in(raw) or raw})" if more else ""


def _wait_of(headers: Mapping[str, str]) -> str | None:
    milliseconds = headers.get("retry-after-ms", "")
    if milliseconds.isdigit() and len(milliseconds) < 10:
        return str(int(milliseconds) / 1000)
    return headers.get("retry-after")

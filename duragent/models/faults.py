"""What went wrong at a provider, in plain words, whether litellm asked it or not. Pure."""

import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

from duragent.errors import AuthenticationFailed, BadModelRequest, ModelError, ModelUnavailable, RateLimited
from duragent.models.base import ModelChoice
from duragent.models.unreached import shown_address
from duragent.text import cut_to, printable

WEB_PAGE = re.compile(r"<!doctype html|<html[\s>]", re.IGNORECASE)
_LONGEST = 300
_ONE_DAY_SECONDS = 86_400.0
_NOT_FOUND = 404


def error_by_status(status: int | None, message: str, wait: float | None) -> ModelError:
    """The error for an answer of that HTTP status; None: there was no answer. `wait`: what Retry-After asks for."""
    if status == 429:
        return RateLimited(message, wait)
    if status in (401, 403):
        return AuthenticationFailed(message)
    if status is not None and 400 <= status < 500 and status != 408:
        return BadModelRequest(message)
    # What has no status is a connection, or a fault in litellm itself; a turn asks only so often, so it may try again.
    return ModelUnavailable(message, wait)


def unfinished(choice: ModelChoice, headers: Mapping[str, str] | None) -> ModelError:
    """The error for a stream that ended too early, or for a web page in place of a stream."""
    if is_html(headers):
        # Another attempt would get the same page: a person has to look.
        return BadModelRequest(f"{choice.label}: {of_web_page(choice, 200)}")
    return ModelUnavailable(f"{choice.label}: the answer broke off before its end")


def of_web_page(choice: ModelChoice, status: int | None) -> str:
    """The sentence for a page that is meant for a browser."""
    at = f"{shown_address(choice.base_url)} " if choice.base_url else ""
    which = f" (status {status})" if status not in (None, 200) else ""
    advice = ": is base_url right?" if choice.base_url else ""
    return f"{at}answered with a web page{which}, not with the API{advice}"


def is_html(headers: Mapping[str, str] | None) -> bool:
    """Whether the answer calls itself a web page."""
    kind = next((value for name, value in (headers or {}).items() if name.lower().endswith("content-type")), "")
    return kind.lower().startswith("text/html")


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


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from; litellm keeps the connection's own words only there.

    A host of several addresses has a group of errors, one for each.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting.append(cause.__cause__ or cause.__context__)
        if isinstance(cause, BaseExceptionGroup):
            waiting.extend(cause.exceptions)


def without_key(said: str, key: str | None) -> str:
    """The text with the key left out, which a provider may quote back."""
    # The placeholder "none" is a word like any other.
    return said.replace(key, "…") if key and key != "none" else said


def one_line(said: str, key: str | None) -> str:
    """What a provider said, fit for an error message: one line, not long, printable, without the key."""
    return cut_to(" ".join(printable(without_key(said, key)).split()), _LONGEST)


def in_words_of_ollama(choice: ModelChoice, status: int | None, sentence: str) -> str:
    """The sentence, or what to do where an Ollama does not have the model."""
    if choice.provider == "ollama" and status == _NOT_FOUND and "not found" in sentence:
        return f"it does not have this model: `ollama pull {choice.name}`"
    return sentence

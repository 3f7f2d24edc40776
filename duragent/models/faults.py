"""What went wrong at a provider, in plain words, whether litellm asked it or not. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from duragent.errors import AuthenticationFailed, BadModelRequest, ModelError, ModelUnavailable, RateLimited
from duragent.models.base import ModelChoice
from duragent.models.unreached import shown_address
from duragent.text import cut_to, printable

_MESSAGE = re.compile(r'"message"\s*:\s*("(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})+")')
WEB_PAGE = re.compile(r"<!doctype html|<html[\s>]", re.IGNORECASE)
_LONGEST = 300
_ONE_DAY_SECONDS = 86_400.0
_NOT_FOUND, _BAD_REQUEST = 404, 400


def error_of_answer(
    choice: ModelChoice, status: int | None, sentence: str, wait_seconds: float | None = None
) -> ModelError:
    """The error for an answer of that HTTP status that says this; None: there was no answer.

    `wait_seconds`: what Retry-After asks for.
    """
    said = _in_words_of_ollama(status, sentence, choice) if choice.provider == "ollama" else _Told(status, sentence)
    return _by_status(said.status, f"{choice.label}: {said.sentence}", wait_seconds)


def _by_status(status: int | None, message: str, wait: float | None) -> ModelError:
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


def quoted_message(text: str) -> str | None:
    """What stands as `"message": "…"` in a text that may be no JSON, such as one that was cut; None for nothing."""
    found = _MESSAGE.search(text)
    return str(json.loads(found[1], strict=False)) if found else None


def without_key(said: str, key: str | None) -> str:
    """The text with the key left out, which a provider may quote back."""
    # The placeholder "none" is a word like any other.
    return said.replace(key, "…") if key and key != "none" else said


def one_line(said: str, key: str | None) -> str:
    """What a provider said, fit for an error message: one line, not long, printable, without the key."""
    return cut_to(" ".join(printable(without_key(said, key)).split()), _LONGEST)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a provider said, for people."""

    status: int | None
    """The status that fits best: one that says whether another attempt can help."""
    sentence: str


def _in_words_of_ollama(status: int | None, sentence: str, choice: ModelChoice) -> _Told:
    """What is wrong and what to do, where an Ollama said something that we know; else what it said."""
    said = _Told(status, sentence)
    if status == _NOT_FOUND and "not found" in sentence and "model" in sentence:
        return replace(said, sentence=f"it does not have this model: `ollama pull {choice.name}`")
    if status == _NOT_FOUND:
        at = f" at {shown_address(choice.base_url)}" if choice.base_url else ""
        return replace(
            said,
            sentence=f"no Ollama answers{at} ({sentence}); for a server that speaks OpenAI's protocol the provider is "
            "`openai`",
        )
    if "more system memory" in sentence:
        # Ollama's status says that it failed; but the model will not fit the next time either.
        return _Told(_BAD_REQUEST, f"{sentence}; a smaller `max_input_tokens` or a smaller model needs less")
    advice = next((advice for words, advice in _OLLAMA_ADVICE.items() if words in sentence), None)
    return replace(said, sentence=f"{sentence}; {advice}") if advice else said


_OLLAMA_ADVICE = {
    "does not support tools": "`tools: text` in `spec.model` lets it call tools in its text",
    "does not support thinking": "leave out `thinking`",
}

"""What went wrong at a provider, in words, without a provider."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from duragent.errors import ModelTimeout, ModelUnavailable, RateLimited
from duragent.http.library import httpx
from duragent.models.base import ModelChoice
from duragent.models.direct.faults import ProviderFault, failed_inside, refused, said_in, unreached_or_broken

CHOICE = ModelChoice("openai", "m", "http://host/v1")
KEY = "sk-secret"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answer(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    wire = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=wire, content=body, request=httpx.Request("POST", "http://host/v1"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": format_datetime(NOW + timedelta(seconds=30), usegmt=True),
          "date": format_datetime(NOW, usegmt=True)}, 30),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after_ms": "1500", "retry_after": "2"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "2"}, 2),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_rate_limit_has_its_wait_in_each_of_its_spellings(headers: dict[str, str], seconds: float | None) -> None:
    error = refused(CHOICE, KEY, answer(429, b'{"error": "slow"}', **headers), b'{"error": "slow"}')
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"error": {"message": "no", "type": "x"}}', "no"),
        ('{"type": "error", "error": {"type": "x", "message": "no"}}', "no"),
        ('{"error": "no"}', "no"),
        ('{"message": "no"}', "no"),
        ('{"object": "error", "message": {"detail": [{"loc": ["body", "x"], "msg": "no"}]}}', "body.x: no"),
        (
            '{"error": {"message": "Provider returned error", "metadata": {"raw": "{\\"error\\": \\"no\\"}", '
            '"provider_name": "Mistral"}}}',
            "Provider returned error (Mistral: no)",
        ),
        ('{"error": {"message": "no", "metadata": {"raw": " "}}}', "no"),
        ('{"error": {"message": "no", "metadata": {"raw": "it is off"}}}', "no (the provider: it is off)"),
        ('{"detail": "no"}', "no"),
        ('{"detail": {"error": {"message": "no"}}}', "no"),
        ('[{"error": {"message": "no"}}]', "no"),
        ('{"error": {"message": "no \\"x\\" é"}, "more": "cut', 'no "x" é'),
        ('{"error": {"message": "", "code": 3}}', None),
        ("[]", None),
        ("no JSON", None),
        ("", None),
        ("[" * 100_000, None),
        ('"no"', None),
    ],
)
def test_sentence_is_found_wherever_a_provider_has_it(body: str, sentence: str | None) -> None:
    assert said_in(body) == sentence


def test_refusal_is_one_short_line_without_the_key() -> None:
    body = json.dumps({"error": f"no\n{KEY} \x1b[31m" + "x" * 5000}).encode()
    said = str(refused(CHOICE, KEY, answer(400, body), body))
    assert said.startswith("openai/m: no … ")
    assert len(said) < 400
    assert "\x1b" not in said
    assert "\n" not in said


def test_ollama_that_lacks_the_model_says_what_to_pull() -> None:
    body = b'{"error": "model \'qwen3\' not found"}'
    error = refused(ModelChoice("ollama", "qwen3"), None, answer(404, body), body)
    assert str(error) == "ollama/qwen3: it does not have this model: `ollama pull qwen3`"


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (529, ModelUnavailable), (None, ModelUnavailable)])
def test_failure_inside_a_stream_is_as_one_before_it(status: int | None, kind: type[Exception]) -> None:
    error = failed_inside(CHOICE, KEY, ProviderFault(f"busy {KEY}", status))
    assert type(error) is kind
    assert str(error) == "openai/m: busy …"


def test_silence_is_a_timeout_and_a_broken_connection_is_named() -> None:
    assert type(unreached_or_broken(CHOICE, KEY, httpx.ReadTimeout("read"))) is ModelTimeout
    broken = unreached_or_broken(CHOICE, KEY, httpx.ReadError(f"reset {KEY}"))
    assert (type(broken), str(broken)) == (ModelUnavailable, "openai/m: the connection broke (reset …)")
    assert str(unreached_or_broken(CHOICE, KEY, httpx.ReadError(""))) == "openai/m: the connection broke (ReadError)"


def test_host_of_several_addresses_that_all_refuse_has_refused() -> None:
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = OSError("All connection attempts failed")
    error.__cause__.__cause__ = ExceptionGroup("several", [ConnectionRefusedError(111, "x"), OSError(101, "y")])
    said = str(unreached_or_broken(ModelChoice("ollama", "m", "http://localhost:11434"), None, error))
    assert said == "cannot reach Ollama at http://localhost:11434: is it running? (`ollama serve`)"

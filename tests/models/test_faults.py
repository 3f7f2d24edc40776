"""What went wrong at a provider, in plain words."""

import pytest

from duragent.errors import BadModelRequest, ModelError, ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.faults import error_of_answer, quoted_message

OLLAMA = ModelChoice("ollama", "qwen3", "http://user:secret@127.0.0.1:1234/v1")


@pytest.mark.parametrize(
    ("status", "said", "kind", "sentence"),
    [
        (404, "model 'qwen3' not found", BadModelRequest, "it does not have this model: `ollama pull qwen3`"),
        (
            404,
            "404 page not found",
            BadModelRequest,
            "no Ollama answers at http://127.0.0.1:1234/v1 (404 page not found); for a server that speaks OpenAI's "
            "protocol the provider is `openai`",
        ),
        (
            500,
            "model requires more system memory (5.6 GiB) than is available (4.2 GiB)",
            BadModelRequest,
            "model requires more system memory (5.6 GiB) than is available (4.2 GiB); a smaller `max_input_tokens` or "
            "a smaller model needs less",
        ),
        (
            400,
            '"llama2" does not support tools',
            BadModelRequest,
            '"llama2" does not support tools; `tools: text` in `spec.model` lets it call tools in its text',
        ),
        (
            400,
            '"llama2" does not support thinking',
            BadModelRequest,
            '"llama2" does not support thinking; leave out `thinking`',
        ),
        (503, "server busy, please try again", ModelUnavailable, "server busy, please try again"),
        (None, "model runner has unexpectedly stopped", ModelUnavailable, "model runner has unexpectedly stopped"),
    ],
)
def test_what_an_ollama_says_tells_what_to_do(
    status: int | None, said: str, kind: type[ModelError], sentence: str
) -> None:
    error = error_of_answer(OLLAMA, status, said)
    assert (type(error), str(error)) == (kind, f"ollama/qwen3: {sentence}")


def test_other_providers_are_left_alone() -> None:
    error = error_of_answer(ModelChoice("openai", "gpt"), 404, "model not found")
    assert (type(error), str(error)) == (BadModelRequest, "openai/gpt: model not found")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"error": {"message": "slow down"}}', "slow down"),
        (r'{"error": {"message" : "a \"b\" \u00fc", "co', 'a "b" ü'),
        ('{"message": "cut', None),
        ('{"message": ""}', None),
        ("slow down", None),
    ],
)
def test_message_is_found_in_what_is_no_json(text: str, message: str | None) -> None:
    assert quoted_message(text) == message

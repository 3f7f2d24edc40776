"""What went wrong at a provider, in plain words."""

import pytest

from duragent.models.base import ModelChoice
from duragent.models.faults import OllamaWords, in_words_of_ollama

OLLAMA = ModelChoice("ollama", "qwen3", "http://user:secret@127.0.0.1:1234/v1")


@pytest.mark.parametrize(
    ("status", "said", "status_then", "sentence"),
    [
        (404, "model 'qwen3' not found", 404, "it does not have this model: `ollama pull qwen3`"),
        (
            404,
            "404 page not found",
            404,
            "no Ollama answers at http://127.0.0.1:1234/v1 (404 page not found); for a server that speaks OpenAI's "
            "protocol the provider is `openai`",
        ),
        (
            500,
            "model requires more system memory (5.6 GiB) than is available (4.2 GiB)",
            400,
            "model requires more system memory (5.6 GiB) than is available (4.2 GiB); a smaller `max_input_tokens` or "
            "a smaller model needs less",
        ),
        (
            400,
            '"llama2" does not support tools',
            400,
            '"llama2" does not support tools; `tools: text` in `spec.model` lets it call tools in its text',
        ),
        (
            400,
            '"llama2" does not support thinking',
            400,
            '"llama2" does not support thinking; leave out `thinking`',
        ),
        (503, "server busy, please try again", 503, "server busy, please try again"),
        (None, "model runner has unexpectedly stopped", None, "model runner has unexpectedly stopped"),
    ],
)
def test_what_an_ollama_says_tells_what_to_do(
    status: int | None, said: str, status_then: int | None, sentence: str
) -> None:
    assert in_words_of_ollama(OLLAMA, status, said) == OllamaWords(status_then, sentence)


def test_other_providers_are_left_alone() -> None:
    said = OllamaWords(404, "model not found")
    assert in_words_of_ollama(ModelChoice("openai", "gpt"), 404, "model not found") == said

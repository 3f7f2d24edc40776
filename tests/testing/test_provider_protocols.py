"""Which protocol is spoken where."""

import pytest

from duragent.testing.provider_protocols import protocol_at


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "openai"),
        ("/v1beta/openai/chat/completions", "openai"),
        ("/v1/messages", "anthropic"),
        ("/proxy/v1/messages", "anthropic"),
        ("/api/chat", "ollama"),
        ("/api/tags", None),
    ],
)
def test_path_tells_the_protocol(path: str, name: str | None) -> None:
    found = protocol_at(path)
    assert (found and found.name) == name


def test_ollama_streams_when_nobody_says_otherwise() -> None:
    ollama, openai = protocol_at("/api/chat"), protocol_at("/chat/completions")
    assert ollama
    assert openai
    assert [ollama.is_to_stream({}), ollama.is_to_stream({"stream": False}), openai.is_to_stream({})] == [
        True, False, False,
    ]  # fmt: skip

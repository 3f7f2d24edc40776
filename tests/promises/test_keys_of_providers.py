"""A provider's key is in its requests and nowhere else: in no log, no record, no error and no trace, whatever fails."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from duragent.errors import ProblemResponse
from duragent.testing.stub_llm import Behaviour, Failure, ProviderAnswer, StubLlm, StubRequest
from tests.support.house import write_agent
from tests.support.real_server import RealServer, make_workspace, told

ASKED = [(provider, adapter) for provider in ("openai", "anthropic", "ollama") for adapter in ("direct", "litellm")]
NAMES = {"openai": "gpt-4o-mini", "anthropic": "claude-sonnet-4-5", "ollama": "qwen3"}
KEYS = {
    "OPENAI_API_KEY": "sk-hidden/openai+0123456789",
    "ANTHROPIC_API_KEY": "sk-ant-hidden-0123456789",
    "OLLAMA_API_KEY": "hidden.ollama.0123456789",
}
HIDDEN = "0123456789"


@dataclass
class Begun:
    server: RealServer
    stub: StubLlm
    folder: Path


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    folder = tmp_path_factory.mktemp("keys")
    with StubLlm(check=False) as stub:
        config = {"sessions": {"retry_base_seconds": 0.01, "model_attempts": 1}}
        server = make_workspace(folder, config=config)
        urls = {"openai": stub.openai_url, "anthropic": stub.anthropic_url, "ollama": stub.ollama_url}
        for provider, adapter in ASKED:
            rest = f"    name: {NAMES[provider]}\n    adapter: {adapter}\n    base_url: {urls[provider]}"
            write_agent(server.workspace / "agents", f"{provider}-{adapter}", rest, provider)
        server.environ = KEYS | {"DURAGENT_LOG": "DEBUG"}
        server.start()
        yield Begun(server, stub, folder)
        server.stop()


def quoting(key: str) -> list[Behaviour]:
    """Answers that say the key again, each in another place."""
    words = f"the key {key} is not the right one"
    sse = b"event: error\ndata: " + json.dumps({"type": "error", "error": {"message": words}}).encode() + b"\n\n"
    line = json.dumps({"error": words}).encode() + b"\n"
    return [
        Failure(401, words),
        Failure(400, body=json.dumps({"error": {"message": words, "metadata": {"raw": words}}}).encode()),
        Failure(400, body=f"{words}\n{words}".encode(), headers={"content-type": "text/plain"}),
        Failure(502, body=f"<html><b>{key}</b>".encode(), headers={"content-type": "text/html"}),
        Failure(307, headers={"location": f"http://127.0.0.1:1/{key}?key={key}"}),
        Failure(400, words, headers={"x-request-key": key}),
        ProviderAnswer(rewrite=lambda stream: [line if b"data:" not in stream else sse]),
        ProviderAnswer(rewrite=lambda _: [b"data: {" + words.encode() + b"\n\n"]),
        ProviderAnswer(rewrite=lambda _: [words.encode()], headers={"content-encoding": "gzip"}),
    ]


@pytest.mark.parametrize(("provider", "adapter"), ASKED, ids=["-".join(each) for each in ASKED])
async def test_key_that_a_provider_quotes_is_shown_nowhere(begun: Begun, provider: str, adapter: str) -> None:
    key = KEYS[f"{provider.upper()}_API_KEY"]
    begun.stub.requests.clear()
    seen = []
    async with begun.server.client() as client:
        session = (await client.create_session(f"{provider}-{adapter}")).session_id
        for answer in quoting(key):
            begun.stub.answer = partial(always, answer)
            with pytest.raises(ProblemResponse) as refused:
                await told(client, session, "hello")
            seen.append(f"{refused.value!r} {refused.value}")
    assert all(key in str(request.headers) for request in begun.stub.requests), "the key is sent"
    assert len(begun.stub.requests) >= len(seen)
    assert [said for said in seen if HIDDEN in said] == []
    files = [path for path in begun.folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"server.log", "events.jsonl"}
    assert [path for path in files if HIDDEN.encode() in content_of(path)] == []


def always(answer: Behaviour, _: StubRequest) -> Behaviour:
    """Also to who asks a second time."""
    return answer


def content_of(path: Path) -> bytes:
    """Empty for one that was replaced meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""

"""What can be asked, and choosing who answers in a session."""

from collections.abc import AsyncIterator

import httpx
import pytest

from duragent.models import reachable as module
from duragent.models.base import ModelChoice
from tests.support.http_house import House
from tests.support.stub_ollama import Pulled, StubOllama


@pytest.fixture
async def client(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[httpx.AsyncClient, StubOllama]]:
    monkeypatch.setattr(module, "LOCAL_SERVERS", {})
    with StubOllama(qwen3=Pulled()) as ollama:
        yield house.with_dependencies(keys={"OPENAI_API_KEY": "sk-secret", "OLLAMA_HOST": ollama.url}), ollama


Asked = tuple[httpx.AsyncClient, StubOllama]


async def test_models_are_listed_by_keys_and_by_what_answers_without_any_key(client: Asked) -> None:
    http, ollama = client
    found = await http.get("/api/v1/models")
    assert found.status_code == 200
    assert [(model["provider"], model["model"], model["is_example"]) for model in found.json()["models"]] == [
        ("openai", "gpt-5-mini", True),
        ("ollama", "qwen3", False),
    ]
    ollama.pulled.clear()
    assert "`ollama pull" in (await http.get("/api/v1/models")).json()["hints"][0]
    assert "sk-secret" not in found.text


async def test_a_session_is_made_with_a_model_and_a_system_text(client: Asked, house: House) -> None:
    http, _ = client
    body = {"agent": "assistant", "model": "openai/gpt-9", "system": "Speak Latin."}
    created = await http.post("/api/v1/sessions", json=body, headers={"Idempotency-Key": "k"})
    assert (created.status_code, created.json()["model"]) == (201, "openai/gpt-9")
    again = await http.post("/api/v1/sessions", json=body, headers={"Idempotency-Key": "k"})
    assert again.json() == created.json()
    other = await http.post("/api/v1/sessions", json={**body, "system": "x"}, headers={"Idempotency-Key": "k"})
    assert other.json()["type"] == "urn:duragent:problem:idempotency-mismatch"
    path = f"/api/v1/sessions/{created.json()['session_id']}"
    await http.post(f"{path}/messages", json={"content": "hi"})
    assert "Speak Latin." in house.model.requests[-1].messages[0].content


async def test_a_model_is_chosen_and_taken_back(client: Asked, house: House) -> None:
    http, _ = client
    path = f"/api/v1/sessions/{await house.create()}"
    for body, model in (
        ({"model": "ollama/qwen3", "by": "Ada"}, "ollama/qwen3"),
        ({"model": "openai/local", "base_url": "http://127.0.0.1:1234/v1"}, "openai/local"),
        ({"model": ""}, None),
    ):
        chosen = await http.post(f"{path}/model", json=body)
        assert (chosen.status_code, chosen.json()["model"]) == (200, model)
    events = (await http.get(f"{path}/events")).json()["events"]
    chosen_events = [event for event in events if event["type"] == "model_chosen"]
    assert [(event.get("provider"), event.get("base_url")) for event in chosen_events] == [
        ("ollama", None),
        ("openai", "http://127.0.0.1:1234/v1"),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("asked", "provider", "model"),
    [
        ({}, "demo", "demo"),
        ({"model": "ollama/qwen3"}, "ollama", "qwen3"),
        ({"model": "openai/local", "base_url": "http://127.0.0.1:1234/v1"}, "openai", "local"),
    ],
)
async def test_what_a_name_means_is_told_without_a_session(
    client: Asked, asked: dict[str, str], provider: str, model: str
) -> None:
    http, _ = client
    named = await http.get("/api/v1/agents/assistant/model", params=asked)
    assert (named.status_code, named.json()) == (200, {"provider": provider, "model": model})
    assert (await http.get("/api/v1/sessions")).json()["sessions"] == []
    assert (await http.get("/api/v1/agents/nobody/model", params=asked)).status_code == 404


@pytest.mark.parametrize(
    ("body", "problem", "sentence"),
    [
        ({"model": "gemini/x"}, "model-not-configured", "`duragent keys set gemini`"),
        ({"model": "opnai/x"}, "invalid-request", "did you mean 'openai'?"),
        ({"model": "ollama/gone"}, "invalid-request", "`ollama pull gone`"),
        ({"model": "openai/x", "base_url": "http://example.org"}, "invalid-request", "own machine"),
        ({"model": "a\nb"}, "invalid-request", "one line"),
        ({}, "invalid-request", "model"),
    ],
)
async def test_what_cannot_be_asked_is_refused_and_leaves_no_trace(
    client: Asked, house: House, body: dict[str, str], problem: str, sentence: str
) -> None:
    http, _ = client
    session_id = await house.create()
    refused = await http.post(f"/api/v1/sessions/{session_id}/model", json=body)
    assert (refused.status_code, refused.json()["type"]) == (422, f"urn:duragent:problem:{problem}")
    assert sentence in refused.json()["detail"]
    if "base_url" not in body and body.get("model"):
        unmade = await http.post("/api/v1/sessions", json={"agent": "assistant", **body})
        assert unmade.status_code == 422
    if body:
        named = await http.get("/api/v1/agents/assistant/model", params=body)
        assert (named.status_code, named.json()["type"]) == (422, f"urn:duragent:problem:{problem}")
        assert sentence in named.json()["detail"]
    assert [each["session_id"] for each in (await http.get("/api/v1/sessions")).json()["sessions"]] == [session_id]
    assert (await http.get(f"/api/v1/sessions/{session_id}")).json()["head"] == 2


async def test_an_agent_is_warmed_when_it_is_asked_for_and_not_by_a_session_or_a_list(house: House) -> None:
    warmed: list[ModelChoice] = []

    async def warm(choice: ModelChoice) -> None:
        house.clock.jump(2)
        warmed.append(choice)

    http = house.with_dependencies(warm=warm)
    await http.get("/api/v1/agents")
    await http.post("/api/v1/sessions", json={"agent": "assistant"})
    assert warmed == []
    answered = await http.post("/api/v1/agents/assistant/warm")
    assert (answered.status_code, answered.json()) == (200, {"provider": "demo", "seconds": 2.0})
    assert warmed == [ModelChoice("demo", "demo")]
    assert (await http.post("/api/v1/agents/nobody/warm")).status_code == 404

"""The stub provider: that it refuses what the real ones refuse, and misbehaves as it is told."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import duragent
from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import Failure, ProviderAnswer, StubLlm
from tests.support.bounds import LIMIT_SECONDS

USER = {"role": "user", "content": "hi"}
CALLING = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "ls", "input": {}}]}
USED = {"type": "tool_result", "tool_use_id": "c1", "content": "a.txt"}
TEXT = {"type": "text", "text": "and?"}


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as running:
        yield running


def ask_openai(stub: StubLlm, messages: list[Any], key: str = "k", **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    body = {"model": "m", "messages": messages} | more
    return httpx.post(f"{stub.openai_url}/chat/completions", headers=headers, json=body, timeout=LIMIT_SECONDS)


def ask_anthropic(stub: StubLlm, messages: list[Any], **more: Any) -> httpx.Response:
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    body = {"model": "m", "max_tokens": 9, "messages": messages} | more
    return httpx.post(f"{stub.anthropic_url}/v1/messages", headers=headers, json=body, timeout=LIMIT_SECONDS)


def ask_ollama(stub: StubLlm, messages: list[Any], **more: Any) -> httpx.Response:
    body = {"model": "m", "messages": messages} | more
    return httpx.post(f"{stub.ollama_url}/api/chat", json=body, timeout=LIMIT_SECONDS)


def test_ollama_answer_says_back_what_was_said(stub: StubLlm) -> None:
    assert ask_ollama(stub, [USER], stream=False).json()["message"]["content"] == "You said: hi"
    streamed = ask_ollama(stub, [USER])
    assert streamed.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in streamed.text.splitlines()]
    assert "".join(line["message"]["content"] for line in lines) == "You said: hi"
    assert [line["done"] for line in lines] == [False, False, False, True]


def test_ollama_fails_with_a_sentence_before_and_in_a_stream(stub: StubLlm) -> None:
    assert ask_ollama(stub, []).json() == {"error": "messages: at least one message is required"}
    stub.script(ProviderAnswer("one two", cut_after_chunks=1, cut="error"))
    assert json.loads(ask_ollama(stub, [USER]).text.splitlines()[-1]) == {
        "error": "the stub was told to fail in the middle"
    }


def test_openai_answer_says_back_what_was_said(stub: StubLlm) -> None:
    whole = ask_openai(stub, [{"role": "system", "content": "s"}, USER]).json()
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "You said: hi"}
    streamed = ask_openai(stub, [USER], stream=True, stream_options={"include_usage": True}).text
    events = [line.removeprefix("data: ") for line in streamed.splitlines() if line]
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["usage"]["total_tokens"] == 13
    assert [request.last_message for request in stub.requests] == ["hi", "hi"]


def test_anthropic_answer_says_back_what_was_said(stub: StubLlm) -> None:
    assert ask_anthropic(stub, [USER]).json()["content"] == [{"type": "text", "text": "You said: hi"}]
    stub.script(ProviderAnswer("yes", reasoning="hm", calls=(ToolCall(id="c1", name="ls", arguments="{}"),)))
    streamed = ask_anthropic(stub, [USER], stream=True).text
    names = [line.removeprefix("event: ") for line in streamed.splitlines() if line.startswith("event: ")]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    thinking = [*block[:2], "content_block_delta", block[2]]
    calling = [*block[:2], "content_block_delta", block[2]]
    assert names == ["message_start", "ping", *thinking, *block, *calling, "message_delta", "message_stop"]


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([], "at least one message"),
        ([{"role": "robot", "content": "x"}], "Invalid value: 'robot'"),
        ([USER, {"role": "system", "content": "s"}], "must be at the beginning"),
        ([{"role": "user", "content": None}], "got null"),
        ([USER, RESULT], "must be a response to a preceding message"),
        ([USER, CALLING], "did not have response messages: c1"),
        ([USER, CALLING, USER, RESULT], "did not have response messages: c1"),
        ([USER, CALLING, RESULT, RESULT], "must be a response to a preceding message"),
        ([USER, CALLING | {"tool_calls": []}], "got null"),
    ],
)
def test_openai_request_that_the_real_one_refuses_is_refused(stub: StubLlm, messages: list[Any], sentence: str) -> None:
    stub.script("never asked for")
    response = ask_openai(stub, messages)
    assert response.status_code == 400
    assert sentence in response.json()["error"]["message"]
    assert ask_openai(stub, [USER, CALLING, RESULT, USER]).status_code == 200


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([], "at least one message"),
        ([{"role": "system", "content": "x"}], "Unexpected role"),
        ([{"role": "user", "content": ""}], "text content blocks must be non-empty"),
        ([{"role": "user", "content": []}], "must have non-empty content"),
        ([{"role": "user", "content": [{"type": "text", "text": " "}]}], "non-whitespace"),
        ([USER, USE], "`tool_use` ids were found without `tool_result` blocks"),
        ([USER, USE, USER], "`tool_use` ids were found without `tool_result` blocks"),
        ([USER, USE, {"role": "user", "content": [TEXT, USED]}], "`tool_use` ids were found without"),
        ([{"role": "user", "content": [USED]}], "unexpected `tool_use_id` found"),
    ],
)
def test_anthropic_request_that_the_real_one_refuses_is_refused(
    stub: StubLlm, messages: list[Any], sentence: str
) -> None:
    response = ask_anthropic(stub, messages)
    assert response.status_code == 400
    assert sentence in response.json()["error"]["message"]


def test_anthropic_merges_neighbours_of_one_role(stub: StubLlm) -> None:
    messages = [USER, USER, USE, {"role": "user", "content": [USED]}, {"role": "user", "content": [TEXT]}]
    assert ask_anthropic(stub, messages).status_code == 200


def test_anthropic_wants_its_headers_and_a_limit(stub: StubLlm) -> None:
    url, body = f"{stub.anthropic_url}/v1/messages", {"model": "m", "messages": [USER]}
    assert httpx.post(url, json=body, headers={"x-api-key": ""}).status_code == 401
    response = httpx.post(url, json=body, headers={"x-api-key": "k"})
    assert response.json()["error"]["message"] == "anthropic-version: header is required"
    response = httpx.post(url, json=body, headers={"x-api-key": "k", "anthropic-version": "1"})
    assert response.json()["error"]["message"] == "max_tokens: Field required"


def test_bad_key_is_refused_and_none_is_taken(stub: StubLlm) -> None:
    assert [ask_openai(stub, [USER], key=key).status_code for key in ("bad-key", "")] == [401, 200]


def test_note_of_the_time_is_not_said_back(stub: StubLlm) -> None:
    ask_openai(stub, [{"role": "user", "content": "[now: Sunday 2026-11-22 11:21 UTC]\n\nhi"}])
    assert stub.requests[-1].last_message == "hi"


def test_script_comes_first_and_then_the_usual_answer(stub: StubLlm) -> None:
    stub.script(Failure(429, headers={"Retry-After": "7"}), "scripted")
    limited = ask_openai(stub, [USER])
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    texts = [ask_openai(stub, [USER]).json()["choices"][0]["message"]["content"] for _ in range(2)]
    assert texts == ["scripted", "You said: hi"]


def test_broken_stream_is_a_broken_connection(stub: StubLlm) -> None:
    stub.script(ProviderAnswer("one two", cut_after_chunks=1))
    with pytest.raises(httpx.RemoteProtocolError):
        ask_openai(stub, [USER], stream=True)


def test_hanging_stream_goes_on_when_it_is_released(stub: StubLlm) -> None:
    stub.release()
    stub.script(ProviderAnswer("one two", cut_after_chunks=1, cut="hang"))
    assert "two" in ask_openai(stub, [USER], stream=True).text


def test_stub_that_has_stopped_listens_no_more() -> None:
    with StubLlm() as stub:
        port = int(stub.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=LIMIT_SECONDS)


def test_stub_runs_by_hand() -> None:
    command = [sys.executable, "-m", "duragent.testing.stub_llm"]
    cwd = Path(duragent.__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd) as running:
        try:
            assert running.stdout is not None
            url = running.stdout.readline().split()[1]
            headers = {"authorization": "Bearer k"}
            response = httpx.post(f"{url}/chat/completions", headers=headers, json={"model": "m", "messages": [USER]})
            assert response.status_code == 200
        finally:
            running.terminate()

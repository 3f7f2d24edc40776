"""The real model, over real HTTP, against the stub provider in both protocols."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import duragent
from duragent.errors import (
    AuthenticationFailed,
    BadModelRequest,
    ModelError,
    ModelNotConfigured,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
)
from duragent.models.base import ModelChoice
from duragent.models.litellm.errors import model_error, retry_after_seconds
from duragent.models.litellm.model import LitellmModel
from duragent.models.litellm.request import find_key, litellm_arguments, ollama_url
from duragent.models.messages import (
    ChatMessage,
    ModelDelta,
    ModelReply,
    ModelRequest,
    ModelUsage,
    ToolCall,
    ToolSchema,
)
from duragent.testing.stub_llm import Behaviour, Failure, ProviderAnswer, Silence, StubLlm
from tests.support.bounds import LIMIT_SECONDS

LS = ToolSchema(name="ls", description="Lists files.", parameters={"type": "object", "properties": {}})
CALL = ToolCall(id="call_1", name="ls", arguments='{"path": "."}')
HELLO = ModelRequest(messages=(ChatMessage(role="user", content="hello"),))
KEYS = ("sk-secret-key-1", "sk-secret-key-2")
ENVIRON = {"OPENAI_API_KEY": KEYS[0], "ANTHROPIC_API_KEY": KEYS[1]}


@dataclass(frozen=True)
class Door:
    """One protocol of the stub, and a model that asks there."""

    stub: StubLlm
    model: LitellmModel
    is_anthropic: bool

    @property
    def asked(self) -> dict[str, Any]:
        return self.stub.requests[-1].body


@pytest.fixture(params=["openai", "anthropic"])
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    anthropic = request.param == "anthropic"
    with StubLlm() as stub:
        name, url = ("claude-sonnet-4-5", stub.anthropic_url) if anthropic else ("gpt-4o-mini", stub.openai_url)
        yield Door(stub, LitellmModel(ModelChoice(request.param, name, url), ENVIRON), anthropic)


async def ask(model: LitellmModel, request: ModelRequest = HELLO) -> tuple[list[ModelDelta], ModelReply]:
    async with asyncio.timeout(LIMIT_SECONDS):
        pieces = [piece async for piece in model.stream(request)]
    deltas = [piece for piece in pieces if isinstance(piece, ModelDelta)]
    assert isinstance(pieces[-1], ModelReply)
    assert len(deltas) == len(pieces) - 1
    return deltas, pieces[-1]


async def failure(door: Door, behaviour: Behaviour) -> ModelError:
    door.stub.script(behaviour)
    with pytest.raises(ModelError) as caught:
        await ask(door.model)
    assert len(door.stub.requests) == 1, "one attempt only"
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    return caught.value


# --- answers --------------------------------------------------------------------------------------------------------


async def test_model_streams_text_and_reports_usage_and_cost(door: Door) -> None:
    door.stub.script(
        ProviderAnswer("one two three", usage=ModelUsage(input_tokens=1000, output_tokens=30, cached_input_tokens=400))
    )
    deltas, reply = await ask(door.model)
    assert "".join(delta.text for delta in deltas) == reply.text == "one two three"
    assert reply.usage == ModelUsage(input_tokens=1000, output_tokens=30, cached_input_tokens=400)
    assert reply.finish_reason == "stop"
    assert reply.model == ("claude-sonnet-4-5" if door.is_anthropic else "gpt-4o-mini")
    assert reply.cost_usd is not None
    assert 0 < reply.cost_usd < 0.01


async def test_model_keeps_reasoning_apart_from_text(door: Door) -> None:
    door.stub.script(ProviderAnswer("four", reasoning="two and two"))
    deltas, reply = await ask(door.model)
    assert (reply.text, reply.reasoning) == ("four", "two and two")
    assert "".join(delta.reasoning for delta in deltas) == "two and two"
    assert "".join(delta.text for delta in deltas) == "four"


async def test_model_gathers_several_tool_calls_with_their_raw_arguments(door: Door) -> None:
    second = ToolCall(id="call_2", name="ls", arguments="{}")
    door.stub.script(ProviderAnswer("I look.", calls=(CALL, second)))
    _, reply = await ask(door.model, HELLO.model_copy(update={"tools": (LS,)}))
    assert reply == ModelReply(
        text="I look.",
        calls=(CALL, second),
        finish_reason="tool_calls",
        model=reply.model,
        usage=reply.usage,
        cost_usd=reply.cost_usd,
    )


async def test_provider_accepts_a_history_with_calls_results_and_neighbouring_user_messages(door: Door) -> None:
    history = (
        ChatMessage(role="system", content="You are brief."),
        ChatMessage(role="user", content="list"),
        ChatMessage(role="user", content="please"),
        ChatMessage(role="assistant", calls=(CALL, ToolCall(id="call_2", name="ls", arguments='{"broken'))),
        ChatMessage(role="tool", call_id="call_1", content="a.txt"),
        ChatMessage(role="tool", call_id="call_2", content=""),
        ChatMessage(role="user", content="and now?"),
        ChatMessage(role="assistant", content=""),
        ChatMessage(role="user", content="go on"),
    )
    _, reply = await ask(door.model, ModelRequest(messages=history, tools=(LS,), temperature=0.5))
    assert reply.text.startswith("You said: ")
    assert "You are brief." in str(door.asked["system"] if door.is_anthropic else door.asked["messages"][0])
    assert door.asked["temperature"] == 0.5
    assert [tool.get("name") or tool["function"]["name"] for tool in door.asked["tools"]] == ["ls"]


async def test_provider_accepts_a_history_with_calls_when_there_are_no_tools_any_more(door: Door) -> None:
    history = (
        ChatMessage(role="user", content="list"),
        ChatMessage(role="assistant", content="I look.", calls=(CALL,)),
        ChatMessage(role="tool", call_id="call_1", content="a.txt"),
    )
    _, reply = await ask(door.model, ModelRequest(messages=history))
    assert reply.text


async def test_model_replaces_lone_surrogates_and_keeps_all_other_unicode(door: Door) -> None:
    door.stub.script(ProviderAnswer("Grüße 🎉 漢字 ."))
    bad = ToolCall(id="call_1", name="ls", arguments='{"a": "\udc80"}')
    history = (
        ChatMessage(role="user", content="a\ud800b 🎉"),
        ChatMessage(role="assistant", calls=(bad,)),
        ChatMessage(role="tool", call_id="call_1", content="\udfff"),
    )
    tool = LS.model_copy(update={"description": "Lists\ud83d."})
    _, reply = await ask(door.model, ModelRequest(messages=history, tools=(tool,)))
    assert reply.text == "Grüße 🎉 漢字 ."
    assert "🎉" in str(door.asked["messages"][0])
    str(door.asked).encode("utf-8")


async def test_line_separator_in_an_answer_is_text_or_a_broken_stream_but_never_lost(door: Door) -> None:
    # httpx, which litellm reads Anthropic's events with, takes U+2028 for the end of a line.
    door.stub.script(ProviderAnswer("one \u2028 two"))
    if door.is_anthropic:
        with pytest.raises(ModelUnavailable):
            await ask(door.model)
    else:
        assert (await ask(door.model))[1].text == "one \u2028 two"


async def test_model_passes_the_output_limit_and_gives_anthropic_one_of_4096_when_there_is_none(door: Door) -> None:
    await ask(door.model, HELLO.model_copy(update={"max_output_tokens": 77}))
    assert door.asked["max_tokens"] == 77
    await ask(door.model)
    assert door.asked.get("max_tokens") == (4096 if door.is_anthropic else None)


async def test_model_says_length_when_the_limit_cut_the_answer(door: Door) -> None:
    door.stub.script(ProviderAnswer("one two", finish_reason="length"))
    _, reply = await ask(door.model)
    assert reply.finish_reason == "length"


async def test_cost_is_none_when_the_table_does_not_know_the_model() -> None:
    with StubLlm() as stub:
        _, reply = await ask(LitellmModel(ModelChoice("openai", "my-own-model", stub.openai_url), ENVIRON))
    assert reply.cost_usd is None
    assert reply.usage == ModelUsage(input_tokens=10, output_tokens=3)


@pytest.mark.parametrize("suffix", ["", "/v1", "/v1/"])
async def test_ollama_is_asked_through_its_openai_door_without_a_key_and_without_a_price(suffix: str) -> None:
    with StubLlm() as stub:
        model = LitellmModel(ModelChoice("ollama", "llama3", stub.url + suffix), {})
        _, reply = await ask(model, HELLO.model_copy(update={"tools": (LS,)}))
        assert stub.requests[0].path == "/v1/chat/completions"
    assert model.label == "ollama/llama3"
    assert (reply.text, reply.cost_usd) == ("You said: hello", None)


async def test_openrouter_keeps_the_vendor_in_the_model_name() -> None:
    with StubLlm() as stub:
        await ask(LitellmModel(ModelChoice("openrouter", "vendor/some-model", stub.openai_url), {}))
        assert stub.requests[0].body["model"] == "vendor/some-model"


async def test_slow_reader_gets_every_delta_in_order() -> None:
    text = " ".join(str(number) for number in range(2000))
    with StubLlm() as stub:
        stub.script(text)
        model = LitellmModel(ModelChoice("openai", "gpt-4o-mini", stub.openai_url), ENVIRON)
        got = ""
        async with asyncio.timeout(LIMIT_SECONDS):
            async for piece in model.stream(HELLO):
                await asyncio.sleep(0)
                if isinstance(piece, ModelDelta):
                    got += piece.text
    assert got == text


async def test_streams_of_one_model_run_at_the_same_time(door: Door) -> None:
    door.stub.script(*(ProviderAnswer(f"answer {number}", cut_after_chunks=1, cut="hang") for number in range(5)))
    asking = [asyncio.create_task(ask(door.model)) for _ in range(5)]
    assert await asyncio.to_thread(door.stub.wait_for_requests, 5, LIMIT_SECONDS)
    door.stub.release()
    async with asyncio.timeout(LIMIT_SECONDS):
        replies = [await task for task in asking]
    assert sorted(reply.text for _, reply in replies) == [f"answer {number}" for number in range(5)]


# --- failures -------------------------------------------------------------------------------------------------------


async def test_rate_limit_becomes_rate_limited_with_its_wait(door: Door) -> None:
    error = await failure(door, Failure(429, "slow down, friend", {"retry-after": "7"}))
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 7
    assert str(error) == f"{door.model.label}: slow down, friend"


@pytest.mark.parametrize(
    ("status", "wait"), [(408, 3.0), (500, None), (502, None), (503, 9.0), (504, None), (529, 1.5)]
)
async def test_server_errors_become_model_unavailable_with_their_wait(
    door: Door, status: int, wait: float | None
) -> None:
    headers = {} if wait is None else {"retry-after": str(wait)}
    error = await failure(door, Failure(status, "overloaded", headers))
    assert isinstance(error, ModelUnavailable)
    assert error.retry_after_seconds == wait


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key_becomes_authentication_failed_and_is_not_told(door: Door, status: int) -> None:
    error = await failure(door, Failure(status, f"the key {KEYS[door.is_anthropic]} is wrong"))
    assert isinstance(error, AuthenticationFailed)


@pytest.mark.parametrize("status", [400, 402, 404, 413])
async def test_other_client_errors_become_bad_model_request(door: Door, status: int) -> None:
    error = await failure(door, Failure(status, 'there is no model "nöpe"'))
    assert isinstance(error, BadModelRequest)
    assert str(error) == f'{door.model.label}: there is no model "nöpe"'


async def test_unprocessable_request_becomes_bad_model_request(door: Door) -> None:
    # litellm's `drop_params` asks OpenAI a second time, without the parameters that a 422 complains of.
    door.stub.script(Failure(422, "no"), Failure(422, "no"))
    with pytest.raises(BadModelRequest):
        await ask(door.model)


async def test_html_error_page_becomes_one_short_line(door: Door) -> None:
    page = b"<html>\n<h1>Bad\x1b[31m gateway</h1>\n" + b"x" * 5000
    error = await failure(door, Failure(502, body=page, headers={"content-type": "text/html"}))
    assert isinstance(error, ModelUnavailable)
    url = door.stub.url if door.is_anthropic else door.stub.openai_url
    assert str(error) == (
        f"{door.model.label}: {url} answered with a web page (status 502), not with the API: is base_url right?"
    )


async def test_web_page_in_place_of_an_answer_asks_whether_the_address_is_right_and_is_final(door: Door) -> None:
    error = await failure(door, Failure(200, body=b"<!DOCTYPE html><p>hi", headers={"content-type": "text/html"}))
    assert isinstance(error, BadModelRequest)
    assert str(error).endswith(" answered with a web page, not with the API: is base_url right?")


async def test_context_overflow_becomes_bad_model_request() -> None:
    with StubLlm() as stub:
        stub.script(Failure(400, "This model's maximum context length is 8192 tokens."))
        with pytest.raises(BadModelRequest, match="maximum context length"):
            await ask(LitellmModel(ModelChoice("openai", "gpt-4o-mini", stub.openai_url), ENVIRON))


@pytest.mark.parametrize("cut", ["break", "end", "error"])
@pytest.mark.parametrize("after", [0, 2])
async def test_stream_that_ends_too_early_becomes_model_unavailable(door: Door, cut: Any, after: int) -> None:
    error = await failure(door, ProviderAnswer("one two three four", cut_after_chunks=after, cut=cut))
    assert isinstance(error, ModelUnavailable)


async def test_stream_that_breaks_in_a_tool_call_becomes_model_unavailable(door: Door) -> None:
    error = await failure(door, ProviderAnswer(calls=(CALL,), cut_after_chunks=1, cut="end"))
    assert isinstance(error, ModelUnavailable)


async def test_unknown_provider_is_model_not_configured() -> None:
    with pytest.raises(ModelNotConfigured, match="no provider 'nosuch'"):
        await ask(LitellmModel(ModelChoice("nosuch", "x"), {}))


def test_timeouts_without_an_answer_become_model_timeout() -> None:
    assert isinstance(model_error(TimeoutError("read timed out"), ModelChoice("a", "b"), None), ModelTimeout)


def test_unknown_exceptions_become_model_unavailable_with_their_name() -> None:
    error = model_error(KeyError(), ModelChoice("a", "b"), None)
    assert (type(error), str(error)) == (ModelUnavailable, "a/b: KeyError")


# --- leaving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", [Silence(), ProviderAnswer("one two three", cut_after_chunks=1, cut="hang")])
async def test_cancelling_the_reader_closes_the_connection_to_the_provider(door: Door, behaviour: Behaviour) -> None:
    door.stub.script(behaviour)
    reading = asyncio.create_task(ask(door.model))
    assert await asyncio.to_thread(door.stub.wait_for_requests, 1, LIMIT_SECONDS)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    assert await asyncio.to_thread(door.stub.requests[0].wait_until_gone, 5.0)


async def test_closing_the_stream_closes_the_connection_to_the_provider(door: Door) -> None:
    door.stub.script(ProviderAnswer("one two three", cut_after_chunks=1, cut="hang"))
    stream = door.model.stream(HELLO)
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await anext(stream) == ModelDelta(text="one")
        await stream.aclose()
    assert await asyncio.to_thread(door.stub.requests[0].wait_until_gone, 5.0)


# --- keys, names and headers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("openrouter", "OPENROUTER_API_KEY"),
        ("gemini", "GEMINI_API_KEY"),
    ],
)
async def test_missing_key_is_named_before_anything_is_loaded(provider: str, variable: str) -> None:
    model = LitellmModel(ModelChoice(provider, "m", "https://example.com"), {variable: "  "})
    with pytest.raises(ModelNotConfigured, match=variable):
        await ask(model)


def test_keys_are_found_by_provider() -> None:
    def key(provider: str, url: str | None, **environ: str) -> str | None:
        return find_key(ModelChoice(provider, "m", url), environ)

    assert key("gemini", None, GOOGLE_API_KEY="g") == "g"
    assert key("openai", None, OPENAI_API_KEY="o", ANTHROPIC_API_KEY="a") == "o"
    assert key("openai", "http://localhost:8000/v1") == "none"
    assert key("anthropic", "http://[::1]:8000") == "none"
    assert key("mistral", None, MISTRAL_API_KEY="m") == "m"
    assert key("mistral", None) is None
    assert key("ollama", None) == "none"


def test_request_is_one_attempt_with_usage() -> None:
    arguments = litellm_arguments(ModelChoice("anthropic", "claude", "http://h/v1"), "k", HELLO)
    assert arguments == {
        "model": "anthropic/claude",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "num_retries": 0,
        "max_retries": 0,
        "timeout": 600.0,
        "api_key": "k",
        "api_base": "http://h",
        "max_tokens": 4096,
    }


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e300", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, "Thu, 01 Jan 2026 00:00:00 GMT") == seconds


# --- loading --------------------------------------------------------------------------------------------------------


def run_python(program: str, cwd: Path | None = None) -> str:
    environ = os.environ | {"PYTHONPATH": str(Path(duragent.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_SECONDS, cwd=cwd, env=environ
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_importing_the_models_does_not_import_litellm() -> None:
    program = (
        "import sys, duragent.models.litellm.model, duragent.models.demo.model, duragent.testing\n"
        "duragent.models.litellm.model.LitellmModel(duragent.models.litellm.model.ModelChoice('openai', 'm'), {})\n"
        "print([name for name in ('litellm', 'openai', 'mcp', 'httpx', 'uvicorn') if name in sys.modules])"
    )
    assert run_python(program) == "[]"


def test_loading_litellm_uses_no_network_reads_no_env_file_and_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROM_THE_ENV_FILE=1\n")
    program = """
import gc, os, socket, sys, threading
tried = []
def refuse(self, address): tried.append(address); raise OSError("no network here")
socket.socket.connect = socket.socket.connect_ex = refuse
def look_up(host, *rest, **more): tried.append(host); raise OSError("no network here")
socket.getaddrinfo = look_up
before = dict(os.environ)
from duragent.models.litellm.model import warm
from duragent.models.litellm.thread import shared
from duragent.models.messages import ModelReply
import asyncio
warm()
async def nothing(litellm): yield ModelReply(text=str(litellm.num_retries))
async def main(): return [reply.text async for reply in shared.stream(nothing)]
retries = asyncio.run(main())
def of_litellm(environ): return {name for name in environ if name.startswith("LITELLM")}
print(tried, os.environ.get("FROM_THE_ENV_FILE"), of_litellm(os.environ) == of_litellm(before),
      gc.isenabled(), gc.get_freeze_count() > 1000, retries)
"""
    assert run_python(program, tmp_path) == "[] None True True True ['0']"


async def test_reading_does_not_run_litellm_on_the_callers_thread(door: Door) -> None:
    await ask(door.model)
    assert [thread.name for thread in threading.enumerate()].count("litellm") == 1


def test_program_that_ends_in_the_middle_of_streams_says_nothing() -> None:
    with StubLlm() as stub:
        stub.script(*(ProviderAnswer("one two three", cut_after_chunks=1, cut="hang") for _ in range(2)))
        program = f"""
import asyncio
from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ChatMessage, ModelRequest
async def begin(provider, url):
    model = LitellmModel(ModelChoice(provider, "m", url), {{}})
    async for piece in model.stream(ModelRequest(messages=(ChatMessage(role="user", content="hi"),))):
        print(piece.text)
        return
async def main():
    await begin("anthropic", {stub.anthropic_url!r})
    await begin("openai", {stub.openai_url!r})
asyncio.run(main())
"""
        assert run_python(program) == "one\none"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://localhost:11434"),
        ("127.0.0.1:9", "http://127.0.0.1:9"),
        ("gpu-box", "http://gpu-box:11434"),
        ("https://ollama.example:443/", "https://ollama.example:443"),
    ],
)
def test_ollama_is_looked_for_where_its_own_programs_look(host: str | None, url: str) -> None:
    assert ollama_url({} if host is None else {"OLLAMA_HOST": host}) == url

"""Real conversations over every protocol, direct and through litellm; the stub refuses what providers refuse."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from duragent.errors import ProblemResponse
from duragent.journal.events import ModelCalled, ModelFailed, ModelReplied, TurnEnded
from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import Failure, ProviderAnswer, StubLlm
from tests.support.providers import EVERY_PROVIDER, KEYS, PRICED_PROVIDERS, AskedProvider
from tests.support.real_server import RealServer, make_workspace, told


@dataclass
class Provided:
    server: RealServer
    stub: StubLlm
    provider: str


@pytest.fixture(scope="module", params=EVERY_PROVIDER)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provided]:
    tmp_path: Path = tmp_path_factory.mktemp("provided")
    asked: AskedProvider = request.param
    with StubLlm() as stub:
        config = {"sessions": {"retry_base_seconds": 0.05}}
        server = make_workspace(tmp_path, rest=asked.block(stub), provider=asked.provider, config=config)
        server.environ = KEYS
        server.start()
        yield Provided(server, stub, asked.provider)
        server.stop()


@pytest.fixture
def provided(running: Provided) -> Provided:
    running.stub.requests.clear()
    return running


async def test_a_conversation_reaches_the_provider_whole_and_in_order(provided: Provided) -> None:
    provided.stub.script("first answer", "second answer")
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        assert (await told(client, session, "one")).content == "first answer"
        assert (await told(client, session, "two")).content == "second answer"
    body = provided.stub.requests[1].body
    if provided.provider != "anthropic":
        system, *messages = body["messages"]
        assert system["role"] == "system"
        prompt = system["content"]
    else:
        messages, prompt = body["messages"], str(body["system"])
    at = [prompt.index(text) for text in ("You are kind.", "You are assistant.", "Be brief.")]
    assert at == sorted(at)
    said = [(m["role"], m["content"] if isinstance(m["content"], str) else m["content"][0]["text"]) for m in messages]
    assert said == [("user", "one"), ("assistant", "first answer"), ("user", "two")]


@pytest.mark.parametrize("running", [each for each in EVERY_PROVIDER if "anthropic" in str(each.id)], indirect=True)
async def test_anthropic_is_told_up_to_where_it_may_remember_a_question(provided: Provided) -> None:
    provided.stub.script("first answer", "second answer")
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, "one")
        await told(client, session, "two")
    for request, length in zip(provided.stub.requests, (1, 3), strict=True):
        messages = request.body["messages"]
        assert "cache_control" in request.body["system"][-1]
        assert ["cache_control" in str(message) for message in messages] == [False] * (length - 1) + [True]


async def test_usage_cost_and_model_are_in_the_log(provided: Provided) -> None:
    provided.stub.script("an answer")
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        answer = await told(client, session, "one")
        info = await client.session(session)
    events = [record.event for record in provided.server.records(session)]
    replied = next(event for event in events if isinstance(event, ModelReplied))
    called = next(event for event in events if isinstance(event, ModelCalled))
    assert replied.usage.input > 0
    assert replied.usage.output > 0
    assert (replied.cost_usd or 0) > 0 or provided.provider == "ollama"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == replied.usage.input == info.usage.prompt_tokens
    assert info.usage.cost_usd == (replied.cost_usd and pytest.approx(replied.cost_usd))
    assert len(called.request_sha256) == 64
    assert provided.provider in called.model


@pytest.mark.parametrize("running", PRICED_PROVIDERS, indirect=True)
async def test_a_refusal_is_told_with_its_words_and_asked_once(provided: Provided) -> None:
    provided.stub.script(ProviderAnswer(refusal="I will not help with that.", finish_reason="content_filter"))
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        answer = await told(client, session, "one")
    assert (answer.content, answer.finish_reason) == ("I will not help with that.", "content_filter")
    assert len(provided.stub.requests) == 1


@pytest.mark.parametrize("running", PRICED_PROVIDERS, indirect=True)
async def test_a_refusal_without_words_fails_the_turn_with_that_reason_and_the_session_goes_on(
    provided: Provided,
) -> None:
    provided.stub.script(ProviderAnswer(finish_reason="content_filter"), "gladly")
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        with pytest.raises(ProblemResponse) as refused:
            await told(client, session, "one")
        assert "declined to answer" in str(refused.value)
        assert (await told(client, session, "two")).content == "gladly"
    events = [record.event for record in provided.server.records(session)]
    replied = next(event for event in events if isinstance(event, ModelReplied))
    assert (replied.text, replied.finish_reason) == ("", "content_filter")
    assert replied.usage.input > 0
    assert [event.code for event in events if isinstance(event, TurnEnded)] == ["model-refused", ""]
    assert len(provided.stub.requests) == 2


async def test_an_answer_with_absurd_usage_is_an_answer_and_counts_as_unpriced(provided: Provided) -> None:
    absurd = {"prompt_tokens": -5, "input_tokens": float("nan"), "completion_tokens": 1.5, "output_tokens": 10**30}
    absurd |= {"prompt_eval_count": -5, "eval_count": 10**30}
    provided.stub.script(ProviderAnswer("an answer", wire_usage=absurd))
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        assert (await told(client, session, "one")).content == "an answer"
        usage = (await client.session(session)).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cost_usd) == (0, 0, None)
    assert len(provided.stub.requests) == 1


async def test_reasoning_is_kept_apart_from_the_text(provided: Provided) -> None:
    provided.stub.script(ProviderAnswer(text="42", reasoning="six times seven"))
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        assert (await told(client, session, "what is 6*7?")).content == "42"
    replied = next(r.event for r in provided.server.records(session) if isinstance(r.event, ModelReplied))
    assert (replied.text, replied.reasoning) == ("42", "six times seven")


async def test_a_call_of_an_unknown_tool_and_its_result_reach_the_provider_side_by_side(provided: Provided) -> None:
    call = ToolCall(id="call_1", name="bash", arguments='{"command": "ls"}')
    provided.stub.script(ProviderAnswer(text="I look.", calls=(call,)), "There is no such tool.")
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        answer = await told(client, session, "list the files")
        assert answer.content == "There is no such tool."
    # The stub answers 400 to a call without its result right behind it, so this is shown by the answer; and seen here:
    assert "tool not found: bash" in str(provided.stub.requests[1].body)


async def test_busy_and_failing_providers_are_asked_again(provided: Provided) -> None:
    busy = Failure(429, "slow down", {"Retry-After": "0"})
    provided.stub.script(busy, Failure(503, "overloaded"), "at last")
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        assert (await told(client, session, "hi")).content == "at last"
    failed = [r.event for r in provided.server.records(session) if isinstance(r.event, ModelFailed)]
    assert [(event.error, event.retry_after_seconds) for event in failed] == [
        ("rate-limited", 0.0),
        ("model-unavailable", None),
    ]


async def test_a_refused_key_is_told_and_not_tried_again(provided: Provided) -> None:
    provided.stub.script(Failure(401, "invalid key"))
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        with pytest.raises(ProblemResponse) as failed:
            await told(client, session, "hi")
    assert failed.value.status == 502
    assert len(provided.stub.requests) == 1
    assert provided.server.kinds(session)[-2:] == ["model_failed", "turn_ended"]


async def test_a_stream_that_breaks_is_recorded_and_asked_again(provided: Provided) -> None:
    provided.stub.script(ProviderAnswer(text="one two three four", cut_after_chunks=3), "whole")
    async with provided.server.client() as client:
        session = (await client.create_session("assistant")).session_id
        assert (await told(client, session, "hi")).content == "whole"
    failed = next(r.event for r in provided.server.records(session) if isinstance(r.event, ModelFailed))
    assert failed.error == "model-unavailable"
    assert failed.partial_text
    assert "one two three four".startswith(failed.partial_text.strip())

"""Which model a choice stands for."""

import asyncio
import subprocess
import sys

import pytest

from duragent.errors import InvalidRequest, ModelNotConfigured
from duragent.models.base import ModelChoice
from duragent.models.choose import ModelChooser
from duragent.models.demo.model import DemoModel
from duragent.models.direct.model import DirectModel
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ChatMessage, ModelDelta, ModelRequest
from duragent.models.text_tools.model import TextTools
from duragent.testing import FakeClock
from tests.support.bounds import LIMIT_SECONDS


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        (ModelChoice("demo", "demo"), DemoModel),
        (ModelChoice("openai", "gpt-4o"), DirectModel),
        (ModelChoice("anthropic", "claude-sonnet-4-5"), DirectModel),
        (ModelChoice("openrouter", "x/y"), DirectModel),
        (ModelChoice("gemini", "gemini-2.5-pro"), DirectModel),
        (ModelChoice("ollama", "qwen3"), DirectModel),
        (ModelChoice("openai", "gpt-4o", adapter="direct"), DirectModel),
        (ModelChoice("openai", "gpt-4o", adapter="litellm"), LitellmModel),
        (ModelChoice("groq", "llama"), LitellmModel),
        (ModelChoice("mistral", "mistral-large-latest"), DirectModel),
        (ModelChoice("deepseek", "deepseek-chat"), DirectModel),
        (ModelChoice("groq", "llama", "https://api.groq.com/openai/v1"), LitellmModel),
        (ModelChoice("groq", "llama", "https://api.groq.com/openai/v1", adapter="direct"), DirectModel),
        (ModelChoice("openai", "gpt-4o", None, "text"), TextTools),
        (ModelChoice("demo", "demo", None, "text"), TextTools),
    ],
)
def test_each_choice_has_its_model_and_always_the_same_one(choice: ModelChoice, kind: type) -> None:
    chooser = ModelChooser(FakeClock(), {})
    model = chooser.model_for(choice)
    assert type(model) is kind
    assert chooser.model_for(choice) is model


def test_a_provider_that_only_litellm_knows_is_not_asked_directly_without_an_address() -> None:
    with pytest.raises(ModelNotConfigured, match=r"'groq' is asked directly only at an address.*set `base_url`, or"):
        ModelChooser(FakeClock(), {}).model_for(ModelChoice("groq", "m", adapter="direct"))


async def test_the_demo_model_speaks_as_fast_as_the_environment_says() -> None:
    clock = FakeClock()
    model = ModelChooser(clock, {"DURAGENT_DEMO_SPEED": "10"}).model_for(ModelChoice("demo", "demo"))
    stream = model.stream(ModelRequest(messages=(ChatMessage(role="user", content="repeat one two"),)))
    async with asyncio.timeout(LIMIT_SECONDS):
        await anext(stream)
        second = asyncio.ensure_future(anext(stream))
        await clock.advance(0.003)
        assert not second.done()
        await clock.advance(0.001)
        assert await second == ModelDelta(text=" two")
        await stream.aclose()


@pytest.mark.parametrize("text", ["0", "-1", "quick", "inf", "nan"])
def test_a_speed_of_the_demo_model_that_is_none_is_a_fault(text: str) -> None:
    with pytest.raises(InvalidRequest, match=f"DURAGENT_DEMO_SPEED: '{text}' is no number above 0"):
        ModelChooser(FakeClock(), {"DURAGENT_DEMO_SPEED": text})


@pytest.mark.parametrize(
    ("choice", "environ", "loads"),
    [
        ('ModelChoice("openai", "gpt")', "{'OPENAI_API_KEY': 'k'}", ["httpx"]),
        ('ModelChoice("ollama", "qwen3")', "{}", ["httpx"]),
        ('ModelChoice("openai", "gpt", "http://[")', "{'OPENAI_API_KEY': 'k'}", ["httpx"]),
        ('ModelChoice("openai", "gpt", adapter="litellm")', "{'OPENAI_API_KEY': 'k'}", ["httpx", "litellm"]),
        ('ModelChoice("groq", "llama")', "{'GROQ_API_KEY': 'k'}", ["httpx", "litellm"]),
        ('ModelChoice("openai", "gpt")', "{}", []),
        ('ModelChoice("demo", "demo")', "{}", []),
    ],
)
def test_warming_loads_only_what_a_question_would_need_and_returns_when_it_is_there(
    choice: str, environ: str, loads: list[str]
) -> None:
    code = f"""
import asyncio, sys
from duragent.models.base import ModelChoice
from duragent.models.choose import ModelChooser
from duragent.testing import FakeClock
chooser = ModelChooser(FakeClock(), {environ})
assert not {{"httpx", "litellm"}} & set(sys.modules)
asyncio.run(chooser.warm({choice}))
assert sorted({{"httpx", "litellm"}} & set(sys.modules)) == {loads}, sorted(sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], timeout=LIMIT_SECONDS, capture_output=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stderr

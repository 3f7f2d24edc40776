"""How much a model can read."""

import subprocess
import sys

import pytest

from duragent.agent.spec import ModelSpec
from duragent.context.window import find_window, window_tokens
from tests.support.bounds import LIMIT_SECONDS


def model(provider: str, name: str, **more: int) -> ModelSpec:
    return ModelSpec.model_validate({"provider": provider, "name": name} | more)


@pytest.mark.parametrize(
    ("spec", "window"),
    [
        (model("anthropic", "claude-sonnet-4-5"), 200_000),
        (model("openai", "gpt-4o-mini"), 128_000),
        (model("openai", "GPT-4.1"), 1_047_576),
        (model("gemini", "gemini-2.5-pro"), 1_048_576),
        (model("ollama", "llama3.1:8b"), 8_192),
        (model("ollama", "qwen3-of-mine"), 32_768),
        (model("ollama", "qwen3-of-mine", max_input_tokens=131_072), 131_072),
        (model("openai", "qwen3-of-mine"), 131_072),
        (model("openai", "never-heard-of"), 128_000),
        (model("anthropic", "claude-sonnet-4-5", max_input_tokens=5_000), 5_000),
    ],
)
async def test_window_is_the_agents_figure_else_the_tables_else_the_names(spec: ModelSpec, window: int) -> None:
    assert await find_window(spec) == window


def test_without_the_table_the_name_decides() -> None:
    assert window_tokens(model("anthropic", "claude-9")) == 200_000
    assert window_tokens(model("x", "y")) == 128_000


def test_litellm_is_not_imported_for_its_table() -> None:
    code = """
import asyncio, sys
from duragent.agent.spec import ModelSpec
from duragent.context.window import find_window
assert asyncio.run(find_window(ModelSpec(provider="gemini", name="gemini-2.5-pro"))) == 1_048_576
assert "litellm" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT_SECONDS)

"""litellm's table of models, read without importing litellm."""

import subprocess
import sys

import pytest

from duragent.models.facts import listed_price, model_facts, table
from tests.support.bounds import LIMIT_SECONDS


def test_table_is_read_without_importing_litellm() -> None:
    program = (
        "import sys; from duragent.models.base import ModelChoice;"
        "from duragent.models.text_tools.choice import wants_text;"
        "from duragent.models.facts import model_facts;"
        "assert not wants_text(ModelChoice('openai', 'gpt-4o'), 'auto');"
        "assert model_facts('openai', 'gpt-4o')['max_input_tokens'] == 128000;"
        "assert 'litellm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=LIMIT_SECONDS)


def test_model_is_found_by_its_name_only_for_its_own_provider() -> None:
    assert model_facts("openai", "gpt-4o")["litellm_provider"] == "openai"
    assert model_facts("openrouter", "gpt-4o") == {}
    assert model_facts("openai", "a-model-of-tomorrow") == {}
    assert table() is table()


def test_price_is_that_of_the_table_or_unknown() -> None:
    facts = model_facts("openai", "gpt-4o")
    expected = 1_000 * facts["input_cost_per_token"] + 10 * facts["output_cost_per_token"]
    assert listed_price("openai", "gpt-4o", 1_000, 10) == pytest.approx(expected)
    assert listed_price("openai", "gpt-4o", 0, 0) == 0
    assert listed_price("openai", "a-model-of-tomorrow", 1_000, 10) is None

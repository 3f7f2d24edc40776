"""What an agent remembers across sessions: the defaults of `spec.memory`."""

import pytest

from duragent.errors import InvalidFile
from tests.agent.written import plain, spec_of


def test_memory_defaults() -> None:
    assert plain(spec_of("  memory: {}\n").memory) == {
        "backend": "filesystem",
        "recall": "auto",
        "limit": 5,
        "budget_tokens": 600,
        "threshold": 0.3,
        "min_importance": 0.1,
        "half_life_hours": 168,
        "floor": 0.5,
        "formula": "ranks",
        "in_prompt_tokens": 2000,
        "language": "en",
        "history": True,
        "tags": "auto",
        "timezone": None,
        "embedding": None,
        "sleep": {"model": None, "tokens_per_day": 200_000, "cost_usd_per_day": 0.1},
    }


def test_formula_that_compares_by_meaning_needs_an_embedder() -> None:
    with pytest.raises(InvalidFile, match="`formula: anima` compares notes by their meaning: set `embedding`"):
        spec_of("  memory: {formula: anima}\n")
    memory = spec_of("  memory: {formula: anima, floor: 0, embedding: {provider: ollama, model: e5}}\n").memory
    assert memory is not None
    assert (memory.formula, memory.floor) == ("anima", 0)


@pytest.mark.parametrize("word", ["off", "'off'"])
def test_bare_words_for_on_and_off_are_these_words(word: str) -> None:
    spec = spec_of(f"  memory: {{recall: {word}, tags: {word}}}\n  session: {{context: {{summaries: {word}}}}}\n")
    assert spec.memory is not None
    assert (spec.memory.recall, spec.memory.tags, spec.session.context.summaries) == ("off", "off", "off")
    on = spec_of("  memory: {tags: on}\n").memory
    assert on is not None
    assert on.tags == "on"
    with pytest.raises(InvalidFile, match="must be one of auto, tool, off"):
        spec_of("  memory: {recall: on}\n")

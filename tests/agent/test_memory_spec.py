"""What an agent remembers across sessions: the defaults of `spec.memory`."""

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
        "in_prompt_tokens": 2000,
        "language": "en",
        "history": True,
        "tags": "auto",
        "timezone": None,
        "embedding": None,
        "sleep": {"model": None, "tokens_per_day": 200_000, "cost_usd_per_day": 0.1},
    }

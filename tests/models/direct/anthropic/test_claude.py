"""What Claude models take, by their names."""

import pytest

from duragent.models.direct.anthropic.claude import ClaudeFacts, facts_of

BUDGET = ClaudeFacts()
BOTH = ClaudeFacts(takes_effort=True)
EFFORT = ClaudeFacts(takes_budget=False, takes_effort=True, hides_thinking=True, takes_temperature=False)
BY_ITSELF = ClaudeFacts(
    takes_budget=False, takes_effort=True, thinks_by_itself=True, hides_thinking=True, takes_temperature=False
)
ALWAYS = ClaudeFacts(
    takes_budget=False,
    takes_effort=True,
    thinks_by_itself=True,
    always_thinks=True,
    hides_thinking=True,
    takes_temperature=False,
)
BOUND = ClaudeFacts(
    takes_budget=False,
    takes_effort=True,
    thinks_by_itself=True,
    always_thinks=True,
    hides_thinking=True,
    takes_temperature=False,
    takes_forced_calls=False,
    binds_thinking=True,
)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("claude-2.1", ClaudeFacts(thinks=False)),
        ("claude-3-haiku-20240307", ClaudeFacts(thinks=False)),
        ("claude-3-5-sonnet-20241022", ClaudeFacts(thinks=False)),
        ("claude-3-7-sonnet-20250219", BUDGET),
        ("claude-sonnet-4-20250514", BUDGET),
        ("claude-opus-4-1-20250805", BUDGET),
        ("claude-haiku-4-5", BUDGET),
        ("claude-sonnet-4-5@20250929", BUDGET),
        ("claude-opus-4-6", BOTH),
        ("anthropic/claude-sonnet-4.6", BOTH),
        ("claude-opus-4-7-20260416", EFFORT),
        ("claude-opus-5", BY_ITSELF),
        ("claude-sonnet-5", BY_ITSELF),
        ("claude-fable-5", ALWAYS),
        ("claude-fable-5-1", BOUND),
        ("claude-opus-5-5", BOUND),
        ("claude-opus-7", BOUND),
        ("claude-opus-latest", BOUND),
        ("claude", BOUND),
        ("Kimi-K2", ClaudeFacts(thinks_by_itself=True)),
    ],
)
def test_how_a_model_is_asked_is_read_from_its_name(name: str, facts: ClaudeFacts) -> None:
    assert facts_of(name) == facts


def test_small_model_of_the_newest_generation_can_be_asked_not_to_think() -> None:
    assert facts_of("claude-haiku-5-5") == ClaudeFacts(
        takes_budget=False,
        takes_effort=True,
        thinks_by_itself=True,
        hides_thinking=True,
        takes_temperature=False,
        binds_thinking=True,
    )

"""What is inside as the shapes of the API."""

from dataclasses import replace
from typing import Any

import pytest

from duragent.journal.events import TokenCounts
from duragent.journal.state import SessionState, Totals
from duragent.server.mapping import session_info, total_usage
from duragent.wire import Usage

STATE = SessionState(
    session_id="session_1",
    agent="ada",
    created_at="2026-11-20T23:58:16.123Z",
    updated_at="2026-11-20T23:59:16.123Z",
    seq=7,
    title="T",
    topic="hello",
)


def test_session_is_shown_with_its_facts() -> None:
    info = session_info(STATE)
    assert (info.session_id, info.agent, info.status, info.head) == ("session_1", "ada", "active", 7)
    assert (info.title, info.topic, info.damage, info.unread, info.waits_for) == ("T", "hello", None, False, None)
    assert (info.created_at, info.updated_at) == (STATE.created_at, STATE.updated_at)


def test_damage_is_told_under_the_name_that_older_clients_know_too() -> None:
    info = session_info(STATE, "line 3: wrong checksum", unread=True)
    assert (info.damage, info.problem, info.unread) == ("line 3: wrong checksum", "line 3: wrong checksum", True)


@pytest.mark.parametrize(
    ("totals", "change"),
    [
        ({}, {"cost_usd": 0.0}),
        ({"input_tokens": 3, "output_tokens": 4}, {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}),
        ({"cached_input_tokens": 2, "reasoning_tokens": 5}, {"cached_prompt_tokens": 2, "reasoning_tokens": 5}),
        ({"cost_usd": 0.5}, {"cost_usd": 0.5}),
        ({"cost_usd": 0.5, "unpriced": 1}, {"cost_usd": None}),
    ],
)
def test_totals_are_a_usage_whose_cost_is_null_where_a_price_is_not_known(
    totals: dict[str, Any], change: dict[str, Any]
) -> None:
    assert total_usage(replace(Totals(), **totals)) == Usage(**{"cost_usd": 0.0, **change})


def test_attempts_without_an_answer_are_told_beside_the_usage() -> None:
    totals = replace(Totals(), unknown_attempts=2, unknown_tokens=900, unknown_usd=0.0)
    info = session_info(replace(STATE, totals=totals))
    assert (info.unknown_attempts, info.possible_tokens, info.possible_cost_usd) == (2, 900, None)
    assert info.usage == Usage(cost_usd=0.0)


def test_tokens_of_one_reply_add_up() -> None:
    tokens = TokenCounts(input=10, output=5, cached_input=4, reasoning=2)
    assert Usage.of(tokens, None) == Usage(
        prompt_tokens=10, completion_tokens=5, total_tokens=15, cached_prompt_tokens=4, reasoning_tokens=2
    )

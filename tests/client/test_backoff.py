"""The pauses between the attempts of a client."""

import pytest

from duragent.client.backoff import Backoff


@pytest.mark.parametrize(
    ("attempt", "whole"), [(1, 0.2), (2, 0.4), (3, 0.8), (4, 1.6), (5, 3.0), (6, 3.0), (1_000_000, 3.0)]
)
def test_pause_doubles_up_to_the_limit_and_is_never_less_than_half_of_it(attempt: int, whole: float) -> None:
    pauses = [Backoff(0.2, 3.0).pause_seconds(attempt) for _ in range(200)]
    assert all(whole / 2 <= pause <= whole for pause in pauses)
    assert len(set(pauses)) > 1, "clients that lost one server would all come back at the same moment"

"""A campaign that fails says how its case is tried again."""

import pytest

from tests.campaigns.campaign import Campaign


def test_failure_in_a_case_says_how_it_is_repeated() -> None:
    campaign = Campaign("tests/x.py::test_y")
    with pytest.raises(AssertionError) as caught, campaign.case(7):
        raise AssertionError("wrong")
    assert caught.value.__notes__ == [
        "case 7; once more: DURAGENT_CASE=7 python3 -m pytest -n0 -m '' 'tests/x.py::test_y'"
    ]


def test_case_has_the_same_chance_each_time() -> None:
    campaign = Campaign("tests/x.py::test_y")
    with campaign.case(7) as first, campaign.case(7) as second, campaign.case(8) as other:
        assert first.random() == second.random() != other.random()


def test_one_case_can_be_asked_for() -> None:
    assert list(Campaign("x").cases(range(3))) == [0, 1, 2]
    assert list(Campaign("x", only=2).cases(range(1000))) == [2]

"""Several files as one policy."""

from hypothesis import given
from hypothesis import strategies as st

from duragent.policy.patterns import Rule
from duragent.policy.tiers import Delivery, Notify, Tier, merge
from tests.support.judging import rules

RULES = st.lists(st.sampled_from("abcdef"), max_size=4).map(lambda found: rules(*found, source="x"))
MODES = st.none() | st.sampled_from(["dangerous", "ask", "restrict"])
NOTIFY = st.builds(Notify, st.booleans(), RULES, st.lists(st.sampled_from([Delivery("log")])).map(tuple))
TIERS = st.lists(st.builds(Tier, st.just("x"), MODES, RULES, st.none() | RULES, NOTIFY), max_size=4)


@given(TIERS, TIERS)
def test_more_tiers_only_add_to_the_lists(first: list[Tier], second: list[Tier]) -> None:
    one, both = merge(first, ()), merge([*first, *second], ())
    assert set(one.deny) <= set(both.deny)
    assert set(one.allow) <= set(both.allow)
    assert one.notify.enabled <= both.notify.enabled
    assert len({rule.pattern for rule in both.deny}) == len(both.deny)


@given(TIERS)
def test_most_special_mode_wins(tiers: list[Tier]) -> None:
    said = [tier.mode for tier in tiers if tier.mode is not None]
    assert merge(tiers, ()).mode == (said[-1] if said else "ask")


@given(TIERS)
def test_same_tiers_twice_are_the_same_policy(tiers: list[Tier]) -> None:
    assert merge([*tiers, *tiers], ()) == merge(tiers, ())


@given(TIERS)
def test_built_in_list_holds_until_a_file_has_its_own(tiers: list[Tier]) -> None:
    found = merge(tiers, ["z"])
    assert (Rule("z", "built-in default") in found.allow) is all(tier.allow is None for tier in tiers)

"""Safeguards of what summaries stand for: each record is told once, by what was made from the records."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_COVERED, _ZONES = "duragent.journal.covered", "duragent.memory.zones"
_T_COVERED, _T_ZONES = "tests/journal/test_covered.py", "tests/memory/test_zones.py"

SUMMARISING: tuple[Mutant, ...] = (
    without(
        "a summary leaves a gap behind the one before",
        "the wish that it begins behind the boundary",
        Edit(_COVERED, "return first == at.boundary + 1 <= last <= seq", "return at.boundary < first <= last <= seq"),
        f"{_T_COVERED}::test_each_record_is_covered_once_whatever_comes",
    ),
    without(
        "a summary of summaries stands for other records than they did",
        "the comparison of its range with theirs",
        Edit(_COVERED, " and (inside[0].first, inside[-1].last) == (first, last)\n", "\n"),
        f"{_T_COVERED}::test_a_summary_of_summaries_has_exactly_their_range",
    ),
    without(
        "what a person expanded becomes a summary again",
        "the mark that it stays",
        Edit(_COVERED, "stays=True)", "stays=False)"),
        f"{_T_COVERED}::test_only_an_expanded_summary_has_its_parts_again_and_they_stay",
    ),
    without(
        "summaries of summaries count as one of the first level",
        "the look at the levels of what is taken together",
        Edit(_ZONES, "return Zone(five[0].level + 1, ", "return Zone(1, "),
        f"{_T_ZONES}::test_five_of_a_level_become_one_of_the_next",
    ),
    without(
        "a summary covers the message that the next turn answers",
        "the limit at the oldest message that waits",
        Edit("duragent.journal.admit_view", "min(state.seq, open_since - 1)", "state.seq"),
        f"{_T_COVERED}::test_a_summary_waits_for_what_is_not_answered",
    ),
)

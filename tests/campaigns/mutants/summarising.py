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
    without(
        "a model's summary is read again as part of what was said",
        "the look at what a record says",
        Edit(
            "duragent.memory.prose",
            "        if (said := said_in(record.event))",
            "        if isinstance(record.event, HistorySummarised):\n            self.take_summary(record.event)\n"
            "        if (said := said_in(record.event))",
        ),
        "tests/memory/test_prose.py::test_summaries_of_the_level_below_stand_with_their_ranges",
    ),
    without(
        "a summary that kills the server is tried for ever",
        "the count of the tries that a crash ended",
        Edit("duragent.mind.budget", "earlier + _lost(state, work) < TRIES", "earlier < TRIES"),
        "tests/mind/test_budget.py::test_what_a_kill_ended_is_spent_and_a_try",
    ),
    without(
        "the text that a model summarises ends its own frame",
        "the other spelling of the frame's words",
        Edit("duragent.memory.prose", 'shown = _TAG.sub(r"&lt;\\1", material)', "shown = material"),
        "tests/memory/test_prose.py::test_what_is_read_cannot_end_itself",
    ),
    without(
        "a session that closes forgets what it asked a model for",
        "the record of the cancelled work",
        Edit(
            "duragent.session.prose_writer",
            'await self._cancelled(budget, unknown.model_copy(update={"outcome": "cancelled"}))',
            "pass",
        ),
        "tests/session/scenarios/test_model_summaries.py::test_a_session_that_closes_meanwhile_leaves_work_that_counts",
    ),
)

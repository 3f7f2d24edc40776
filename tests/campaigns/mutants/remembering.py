"""Safeguards of what an agent remembers: what stays in its prompt, whom it trusts, and who is shown what."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_STEADY, _REQUEST, _MIND_APPLY = "duragent.turn.steady", "duragent.turn.request", "duragent.journal.mind.apply"
_T_STEADY = "tests/turn/test_steady.py"

REMEMBERING: tuple[Mutant, ...] = (
    without(
        "each reflect ends the prefix",
        "MEMORY.md stays as the last question showed it",
        Edit(_STEADY, "    if not any(_may_wait(section, view, now) for section in sections):", "    if True:"),
        f"{_T_STEADY}::test_prefix_stays_while_the_agent_reflects_and_a_person_is_heard_at_once",
    ),
    without(
        "what a person saved waits",
        "since when only the agent changed the file",
        Edit(
            _STEADY,
            "    if section.own_since is None or not asked.at or section.own_since >= asked.at:",
            "    if section.own_since is None or not asked.at:",
        ),
        f"{_T_STEADY}::test_what_somebody_else_changed_since_is_seen_at_once",
        f"{_T_STEADY}::test_prefix_stays_while_the_agent_reflects_and_a_person_is_heard_at_once",
    ),
    without(
        "a write of the agent hides a person's",
        "the look at what the log knew of the file before the write",
        Edit(
            _MIND_APPLY,
            "    return others_at if own and event.before_sha256 == was else ts",
            "    return others_at if own else ts",
        ),
        f"{_T_STEADY}::test_prefix_stays_while_the_agent_reflects_and_a_person_is_heard_at_once",
    ),
    without(
        "what the agent wrote waits for ever",
        "the five minutes since the last question",
        Edit(_STEADY, "    return 0 <= age < STEADY_SECONDS and ", "    return "),
        f"{_T_STEADY}::test_what_the_agent_wrote_waits_until_the_last_question_is_old",
    ),
    without(
        "what the agent wrote waits behind a summary",
        "the boundary of the last question",
        Edit(_STEADY, " and asked.boundary == view.coverage.boundary", ""),
        f"{_T_STEADY}::test_another_boundary_is_a_moment",
    ),
    without(
        "what the agent wrote waits behind a cut",
        "the cut of the last question",
        Edit(
            _REQUEST,
            "    if steady is not sections and made.cut_seq != state.viewport.question.cut_seq:",
            "    if False:",
        ),
        f"{_T_STEADY}::test_cut_of_the_conversation_is_a_moment",
    ),
    without(
        "what was forgotten is shown from the log",
        "the look at texts that were taken out",
        Edit(_STEADY, " if FORGOTTEN not in each.text and REDACTED not in each.text", ""),
        f"{_T_STEADY}::test_text_that_was_taken_out_since_is_not_shown_again",
    ),
)

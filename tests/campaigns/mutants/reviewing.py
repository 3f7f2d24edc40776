"""Safeguards of what persons decide: which notes come in, and which texts leave a memory or a log for good."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_REVIEWS, _PENDING = "duragent.mind.reviews", "duragent.mind.pending"
_LIVE, _REDACTION = "duragent.session.live_sessions", "duragent.journal.redaction"
_T_REVIEWS, _T_REDACT = "tests/mind/test_reviews.py", "tests/session/test_redact.py"
_T_RENEWAL = "tests/stores/test_renewal.py"
_GONE = f"{_T_REDACT}::test_words_are_gone_from_every_file_and_the_session_goes_on"

REVIEWING: tuple[Mutant, ...] = (
    without(
        "a proposal takes the place of what nobody has seen",
        "the comparison of a file with the one that the person saw",
        Edit(
            _REVIEWS, "    if verdict.seen_sha256 is not None and verdict.seen_sha256 != sha256 and", "    if False and"
        ),
        f"{_T_REVIEWS}::test_proposal_for_a_file_that_is_not_as_the_person_saw_it_changes_nothing",
    ),
    Mutant(
        "a decision that is sent again finds nothing",
        "the look in the log for a decision that was made before",
        (Edit(_REVIEWS, "        if isinstance(event, NoteReviewed) and", "        if False and"),),
        (f"{_T_REVIEWS}::test_decision_that_was_made_before_is_done_and_another_one_finds_nothing",),
        frozenset({"NotFound"}),
    ),
    Mutant(
        "a note for all agents comes in for one",
        "the refusal to keep what all agents share as a note of one",
        (Edit(_REVIEWS, '    if verdict.word != "forget" and found.scope.kind == "world":', "    if False:"),),
        (f"{_T_REVIEWS}::test_note_for_all_agents_or_for_a_file_elsewhere_is_let_in_nowhere",),
        frozenset({"ValueError"}),
    ),
    without(
        "what nobody decides about is kept for ever",
        "the end of the time that a note waits",
        Edit(_PENDING, "    for note in old:\n", "    for note in old[:0]:\n"),
        f"{_T_REVIEWS}::test_what_nobody_has_looked_at_for_long_is_dropped_with_a_record",
    ),
    without(
        "a forgotten note stays in the index",
        "the new file of the index",
        Edit(
            "duragent.mind.forgetting",
            "        await self.renew(agent)\n",
            "        pass\n",
        ),
        "tests/promises/test_forgetting.py::test_topic_that_all_share_is_gone_from_the_index_of_each_agent",
    ),
    without(
        "vectors are computed over the budget of the day",
        "the look at what was used, when the intent is recorded",
        Edit(
            "duragent.mind.budget",
            "spent.tokens + work.estimate_tokens <= self._spec.tokens_per_day",
            "spent.tokens <= self._spec.tokens_per_day",
        ),
        "tests/mind/test_budget.py::test_work_begins_only_within_what_is_left_of_the_day",
    ),
    without(
        "a quiet call asks the model again",
        "the end of a turn whose last reply has text, and quiet calls only",
        Edit(
            "duragent.journal.state",
            " or (bool(replied.text.strip()) and all(call.quiet for call in replied.calls))",
            "",
        ),
        "tests/turn/scenarios/test_quiet_calls.py::test_a_reply_with_text_and_only_quiet_calls_is_the_answer",
    ),
    without(
        "a session that works is written again without its texts",
        "the refusal to redact while anything is under way",
        Edit(
            _LIVE,
            "        raise session.problem\n    _refuse_if_used(session, session.state.seq)\n",
            "        raise session.problem\n",
        ),
        f"{_T_REDACT}::test_a_session_that_works_or_waits_for_a_person_is_left_alone",
    ),
    without(
        "the signature of an answer outlives its words",
        "what providers want back goes with the text that it signs",
        Edit(_REDACTION, '        if self.changed and made.get("opaque"):', "        if False:"),
        "tests/journal/test_redaction.py"
        "::test_words_go_from_calls_details_and_unknown_records_and_a_signed_answer_loses_its_signature",
    ),
    without(
        "a blob keeps the words that its record lost",
        "the new text of a blob that is named again",
        Edit(
            "duragent.session.redact",
            "            self._gone[name] = await asyncio.to_thread(self.asked.wanted.finds_in, data)\n",
            "            self._gone[name] = False\n",
        ),
        _GONE,
    ),
    without(
        "a log that was half put in place is not found again",
        "the name that a whole new log gets at the next start",
        Edit(
            "duragent.stores.files.renewal",
            "                disk.rename(root / name, named)\n                disk.sync_folder(root)\n",
            "                pass\n",
        ),
        f"{_T_RENEWAL}::test_killed_at_every_operation_there_is_the_old_log_or_the_new_one",
    ),
)

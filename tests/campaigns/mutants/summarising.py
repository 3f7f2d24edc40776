"""Safeguards of what summaries stand for: each record is told once, by what was made from the records."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_COVERED, _ZONES = "duragent.journal.covered", "duragent.memory.zones"
_VIEWPORT, _OLDER = "duragent.context.viewport", "duragent.session.older_sessions"
_T_VIEWPORT, _T_OLDER = "tests/context/test_viewport.py", "tests/session/test_older_sessions.py"
_SUMMARISER, _T_SUMMARIES = "duragent.session.summarising", "tests/session/scenarios/test_summaries.py"
_T_MODEL = "tests/session/scenarios/test_model_summaries.py"
_T_PAST = "tests/session/test_session_past.py"
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
    without(
        "pins and goals take the room of everything else",
        "the limit of what is kept in sight",
        Edit(_VIEWPORT, "        if cost > left:\n", "        if False:\n"),
        f"{_T_VIEWPORT}::test_it_keeps_to_its_shares",
    ),
    without(
        "summaries are as long as they like",
        "that each gives up the same part",
        Edit(_VIEWPORT, "[1.0 if whole <= room else room / whole]", "[1.0]"),
        f"{_T_VIEWPORT}::test_it_keeps_to_its_shares",
    ),
    without(
        "records whose summary has lost its text are told by nothing",
        "the line that says so",
        Edit(_VIEWPORT, 'texts.summaries.get(each.seq, (NO_TEXT, ""))', 'texts.summaries.get(each.seq, ("", ""))'),
        f"{_T_VIEWPORT}::test_a_summary_without_its_text_still_stands_for_its_records",
    ),
    without(
        "a summary ends before the answer to what it covers",
        "the look whether all of a turn stands before the cut",
        Edit(_VIEWPORT, " and ends[at] < talk[at].seq", ""),
        f"{_T_VIEWPORT}::test_turns_begin_where_all_of_the_earlier_one_stands_before",
    ),
    without(
        "the model is told to read records with a program of the agent",
        "the look at the kind of the tool",
        Edit("duragent.turn.request", 'tool is not None and tool.kind == "builtin" and', "tool is not None and"),
        "tests/turn/scenarios/test_rebuilt_long_histories.py"
        "::test_program_that_is_called_history_is_not_said_to_show_records",
    ),
    without(
        "a session is summarised that needs none",
        "the look whether it is full",
        Edit(
            "duragent.memory.zones",
            "whole <= FULL * budget.history_tokens and records <= MOST_RECORDS",
            "False",
        ),
        f"{_T_ZONES}::test_the_oldest_third_is_taken_when_more_than_four_fifths_are_full",
    ),
    without(
        "the search of a long log goes on without an end",
        "the look at the time",
        Edit(
            "duragent.session.session_past",
            "            if loop.time() >= until and len(found) < limit:\n",
            "            if False:\n",
        ),
        f"{_T_PAST}::test_search_takes_a_bounded_time_and_says_what_it_did_not_see",
    ),
    without(
        "a search of a log holds up all sessions",
        "the thread in which records are looked through",
        Edit(
            "duragent.session.session_past",
            "await asyncio.to_thread(self._found_in, lines, texts, wanted, most_chars)",
            "self._found_in(lines, texts, wanted, most_chars)",
        ),
        f"{_T_PAST}::test_search_is_not_made_on_the_event_loop",
    ),
    without(
        "history reads the sessions of other people",
        "the look whose sessions may be read",
        Edit(
            _OLDER,
            "await self._seen(memory).readable((await self._ending_so(memory, session))[:MOST_FITTING])",
            "await self._ending_so(memory, session)",
        ),
        f"{_T_OLDER}::test_session_of_somebody_else_is_not_found",
    ),
    without(
        "an end of an id reads one of two sessions",
        "the refusal of what fits two",
        Edit(_OLDER, "        if len(fitting) != 1:\n", "        if not fitting:\n"),
        f"{_T_OLDER}::test_id_is_as_long_as_it_must_be_and_one_that_fits_two_is_refused",
    ),
    without(
        "what a model said after it looked into other sessions is remembered as its own",
        "that results of history from there come from outside",
        Edit("duragent.memory.said", " or _brings_more(event)", ""),
        "tests/memory/test_said.py::test_history_of_other_sessions_and_tools_of_others_touch_what_follows",
    ),
    without(
        "notes crowd out what was said",
        "that a search of what was said leaves notes out",
        Edit("duragent.memory.search", "return not self.only_said and (", "return ("),
        "tests/memory/test_index.py::test_search_of_what_was_said_finds_no_notes",
    ),
    without(
        "a model reads all records again for a summary of summaries",
        "that it gets records on the first level only",
        Edit(_SUMMARISER, "records, material if zone.level == 1 else None)", "records, material)"),
        f"{_T_MODEL}::test_a_summary_of_summaries_is_written_from_their_texts",
    ),
    without(
        "a session that is full is never summarised",
        "the loop that makes what is due",
        Edit(
            _SUMMARISER,
            "            while self._is_due() and await self._one():\n                pass\n",
            "            pass\n",
        ),
        f"{_T_SUMMARIES}::test_a_long_session_tells_each_record_once",
    ),
    without(
        "what a summary stands for still counts as shown",
        "the tokens that it takes away",
        Edit(_SUMMARISER, "    return sum(size_of(record.event) for record in records)\n", "    return 0\n"),
        f"{_T_SUMMARIES}::test_a_long_session_tells_each_record_once",
    ),
)

"""Safeguards of what an agent remembers: what stays in its prompt, whom it trusts, and who is shown what."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_STEADY, _REQUEST, _MIND_APPLY = "duragent.turn.steady", "duragent.turn.request", "duragent.journal.mind.apply"
_TRUST, _WINDOW, _TOOL = "duragent.memory.trust", "duragent.session.memory_window", "duragent.tools.memory"
_ACCESS, _SEEN, _RECALL = "duragent.turn.access_now", "duragent.session.seen_session", "duragent.turn.recall"
_TOOL_CALLS = "duragent.turn.tool_calls"
_T_STEADY, _T_TRUST = "tests/turn/test_steady.py", "tests/memory/test_trust.py"
_T_ACCESS, _T_SEEN = "tests/turn/test_access_now.py", "tests/session/test_seen_session.py"
_T_POISON = "tests/memory/scenarios/test_poisoned_documents.py"
_NO_RULE = f"{_T_POISON}::test_no_rule_of_a_document_is_in_a_request_of_a_later_session"
_WORDS = f"{_T_TRUST}::test_words_decide"
_NEWEST = f"{_T_ACCESS}::test_newest_person_says_whether_the_agents_own_notes_are_read"
_READABLE = f"{_T_SEEN}::test_session_reads_others_only_of_its_own_person_or_group"

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
    without(
        "what a document says is remembered",
        "who vouches for a note that an agent writes",
        Edit(
            _TOOL,
            "        trust = trust_of(given.content, window.owners, window.outside, touched=window.touched)",
            '        trust: Trust = "owner"',
        ),
        _NO_RULE,
    ),
    without(
        "results of tools are not from outside",
        "the results of tools in the window of a note",
        Edit(
            _WINDOW,
            "                if event.outside:\n                    outside.append(event.content)",
            "                if False:\n                    pass",
        ),
        _NO_RULE,
    ),
    without(
        "a document vouches for what it says",
        "a note with words from outside waits, where it is not the owner's",
        Edit(_TRUST, '    return "unreviewed" if touched or outside else "agent"', '    return "agent"'),
        f"{_T_TRUST}::test_no_rule_of_a_poisoned_document_is_shown_later",
    ),
    without(
        "a few words of the owner vouch for a note",
        "the share of a note that must be the owner's",
        Edit(_TRUST, "    if share(note, owners, weight) < OWNER_SHARE:", "    if False:"),
        f"{_T_TRUST}::test_nothing_is_the_owners_who_said_nothing",
    ),
    without(
        "a quotation is the owner's",
        "five words in a row that only something from outside has",
        Edit(_TRUST, "    if _runs(said) & (_runs_of(outside) - _runs_of(owners)):", "    if False:"),
        _WORDS,
    ),
    without(
        "an address of a page is the owner's",
        "addresses, paths and numbers that only something from outside has",
        Edit(_TRUST, "    return not exact_words(note) & (_exact_of(outside) - _exact_of(owners))", "    return True"),
        _WORDS,
    ),
    without(
        "letters that look alike hide words",
        "one form for all look-alike and invisible characters",
        Edit(
            _TRUST,
            """    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    pieces =""",
            "    plain = text.casefold()\n    pieces =",
        ),
        _WORDS,
    ),
    without(
        "a group is shown MEMORY.md",
        "the look at who speaks, before sections that may be forgotten",
        Edit(
            _ACCESS,
            "    own = not any(section.forgettable for section in sections) or await reads_own_notes(log, agent)",
            "    own = True",
        ),
        _NEWEST,
    ),
    without(
        "a machine reads what no one asked for",
        "only messages of people say who reads",
        Edit(
            _ACCESS,
            "            if isinstance(record.event, MessageReceived) and is_person(record.event.source):",
            "            if isinstance(record.event, MessageReceived):",
        ),
        _NEWEST,
    ),
    without(
        "a group is a person in private",
        "the chat in which a message came",
        Edit(
            _RECALL,
            'visitor_of(message.source, state.gateway or "", sender, state.chat_id, owners)',
            'visitor_of(message.source, state.gateway or "", sender, None, owners)',
        ),
        _NEWEST,
        f"{_T_SEEN}::test_group_writes_what_is_the_groups_and_reads_what_its_newest_sender_may",
    ),
    without(
        "notes of other agents are open to others",
        "the folders of notes of all agents",
        Edit(
            _ACCESS,
            '    return tuple(dict.fromkeys((own, *sorted(own.parent.parent.glob("*/memory")))))',
            "    return (own,)",
        ),
        f"{_T_ACCESS}::test_notes_of_all_agents_are_closed",
    ),
    without(
        "what is closed is looked at before a call",
        "the folders of notes, where it is looked what a call is to change",
        Edit(_TOOL_CALLS, "workbench.places, agent, private)", "workbench.places, agent)"),
        f"{_T_ACCESS}::test_what_is_closed_to_a_call_is_closed_to_the_look_before_it",
    ),
    without(
        "a group hears what a member said in private",
        "a session is shown where its own notes would go",
        Edit(
            _SEEN,
            "all(each.writes and access.may_write(each.writes[0]) for each in said)",
            "all(each.writes and access.may_read(each.writes[0]) for each in said)",
        ),
        _READABLE,
    ),
    without(
        "one message of a person opens a session",
        "each message in a session must be of whom may be read",
        Edit(
            _SEEN,
            "all(each.writes and access.may_write(each.writes[0]) for each in said)",
            "any(each.writes and access.may_write(each.writes[0]) for each in said)",
        ),
        _READABLE,
    ),
    without(
        "the rest of a long session is taken for the same person's",
        "a session that is not read whole is shown to the owner only",
        Edit(_SEEN, "        if not records or records[0].seq > 1:", "        if not records:"),
        f"{_T_SEEN}::test_long_session_of_others_is_read_by_the_owner_alone",
    ),
)

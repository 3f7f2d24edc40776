"""Safeguards of what a person has allowed."""

from tests.campaigns.mutants.mutant import ASSERTIONS, Edit, Mutant, without
from tests.campaigns.mutants.where import (
    ACTING,
    ADMIT,
    APPLY,
    APPROVALS,
    BREADTHS,
    DETACH,
    EXECUTION,
    EXPIRY,
    JUDGING,
    POLICY_FILES,
    RULES,
    SKILLS,
    T_ALLOWANCES,
    T_BREADTHS,
    T_PATTERNS,
    T_POLICY_FILES,
    T_QUESTIONS,
    T_RULES,
    T_TURN_AUTHORIZE,
    T_TURN_PROTECTED_FILES,
    T_TURN_SCENARIOS_DECISIONS,
    T_TURN_TOOL_CALLS,
)

AUTHORITY: tuple[Mutant, ...] = (
    without(
        "an approval holds for any arguments",
        "the sha of tool and arguments, when the call is run",
        Edit(
            JUDGING,
            "    if approved_sha256 and approved_sha256 != resolved.sha256:",
            "    if False:",
        ),
        f"{T_TURN_AUTHORIZE}::test_an_approval_holds_for_just_the_arguments_that_were_approved",
    ),
    without(
        "the sha that a client names is not compared",
        "a decision about other arguments than those that wait",
        Edit(
            ADMIT,
            "    if posted.arguments_sha256 not in (None, call.arguments_sha256):",
            "    if False:",
        ),
        f"{T_TURN_SCENARIOS_DECISIONS}::test_a_decision_counts_once_and_only_for_what_the_person_saw",
    ),
    without(
        "what was taken back allows a call that was judged before",
        "the look at the session's allowances when a call starts",
        Edit(ACTING, "            if not by_session <= set(state.allowed):", "            if False:"),
        f"{T_ALLOWANCES}::test_what_is_taken_back_between_judgement_and_start_runs_nothing",
    ),
    without(
        "a fork has the allowances of the session that it comes from",
        "the end of allowances in a copy",
        Edit(DETACH, " if state.allowed else []", " if False else []"),
        f"{T_ALLOWANCES}::test_a_fork_has_none_of_the_allowances_of_the_session_that_it_comes_from",
    ),
    without(
        "any program is offered with any arguments",
        "the list of programs that are never offered wide",
        Edit(BREADTHS, "name.casefold())} & NEVER_WIDE:", "name.casefold())} & frozenset():"),
        f"{T_BREADTHS}::test_what_must_not_be_wide_is_not_offered_wide[rm -rf build]",
    ),
    without(
        "an offer need not allow the call",
        "the judgement of each offer",
        Edit(
            BREADTHS,
            "if not same and isinstance(judge(policy.allowing(offer.patterns), invocation), Allow):",
            "if not same:",
        ),
        f"{T_BREADTHS}::test_a_file_that_decides_about_agents_is_not_offered[src/.envrc]",
    ),
    without(
        "the command that a client names is not compared",
        "a decision about another command than the one that waits",
        Edit(
            APPROVALS,
            "    if posted.invocation not in (None, question.command):",
            "    if False:",
        ),
        f"{T_TURN_SCENARIOS_DECISIONS}::test_a_decision_that_names_another_command_decides_nothing",
    ),
    without(
        "a decision counts for whatever waits",
        "the comparison of the call's id",
        Edit(
            ADMIT,
            "    if state.turn is None or call is None or call.call != posted.call:",
            "    if state.turn is None or call is None:",
        ),
        f"{T_TURN_SCENARIOS_DECISIONS}::test_a_decision_counts_once_and_only_for_what_the_person_saw",
    ),
    without(
        "an approval is decided twice",
        "whoever comes second is told who was first",
        Edit(
            APPLY,
            "            return _call_moves(at, (event.call,), DECIDED[event.decision])",
            "            return at",
        ),
        f"{T_TURN_SCENARIOS_DECISIONS}::test_call_is_decided_once",
    ),
    without(
        "an expired approval counts",
        "the moment until which an approval may be given",
        Edit(
            APPROVALS,
            '    if posted.decision != "deny" and question.expires_at and question.expires_at <= '
            "timestamp(ports.clock.now()):",
            "    if False:",
        ),
        f"{T_QUESTIONS}::test_an_approval_that_has_expired_cannot_be_given_any_more",
    ),
    without(
        "approvals wait for ever",
        "the denial of what nobody answered in time",
        Edit(
            EXPIRY,
            "call.expires_at and call.expires_at <= now:",
            "call.expires_at and False:",
        ),
        f"{T_TURN_SCENARIOS_DECISIONS}::test_call_that_nobody_allowed_in_time_is_denied",
    ),
    Mutant(
        "an approval holds in any place",
        "the question again, when it would run elsewhere than the person was told",
        (
            Edit(
                ACTING,
                "        if place == call.place:",
                "        if True:",
            ),
        ),
        (f"{T_TURN_SCENARIOS_DECISIONS}::test_an_approval_counts_only_where_the_person_was_told_that_it_runs",),
        ASSERTIONS | {"TimeoutError"},
    ),
    without(
        "an approval overrules a denial",
        "the denials, when an approved call is run",
        Edit(
            JUDGING,
            "    verdict = judge(policy, resolved.invocation)\n"
            "    if isinstance(verdict, Deny):\n"
            "        return denied(resolved, verdict)\n"
            '    return Allowed(f"approved',
            '    return Allowed(f"approved',
        ),
        f"{T_TURN_SCENARIOS_DECISIONS}::test_denial_that_came_after_the_approval_was_asked_for_wins",
    ),
    without(
        "always is written before anybody looked",
        "the look whether the decision is about what waits, before the policy is changed",
        Edit(
            APPROVALS,
            'isinstance(admit(session.state, posted, ""), Already)',
            "False",
        ),
        f"{T_TURN_SCENARIOS_DECISIONS}::test_always_of_a_call_that_does_not_wait_writes_nothing",
    ),
    without(
        "a broken policy allows everything",
        "the denial of everything by a policy that cannot be understood",
        Edit(
            RULES,
            "    if policy.faults:\n",
            '    if policy.faults:\n        return Allow("broken", "")\n    if policy.faults:\n',
        ),
        f"{T_TURN_TOOL_CALLS}::test_a_broken_policy_file_denies_everything_and_names_its_line",
        f"{T_POLICY_FILES}::test_broken_file_closes_everything_and_says_why",
    ),
    without(
        "a policy file that cannot be read is left out",
        "a folder or a dangling link in place of a policy is a fault",
        Edit(
            POLICY_FILES,
            "        return Tier(source, fault=str(error))",
            "        return None",
        ),
        f"{T_POLICY_FILES}::test_folder_or_dangling_link_in_place_of_a_file_closes_everything",
    ),
    without(
        "denials do not come first",
        "the order of denials and allowances",
        Edit(
            RULES,
            "    if denied := _denial(policy, kind, piece):",
            "    allowed = any(_covers(rule, kind, piece) for rule in policy.allow)\n"
            "    if not allowed and (denied := _denial(policy, kind, piece)):",
        ),
        f"{T_RULES}::test_denial_comes_first_in_every_mode",
    ),
    without(
        "a denial may hide in what is unknown",
        "what cannot be known before it runs is asked about when something is denied",
        Edit(
            RULES,
            "    if hidden := _may_be_denied(policy, kind, piece):",
            "    if hidden := None:",
        ),
        f"{T_PATTERNS}::test_what_may_be_denied_is_asked_about",
    ),
    without(
        "restrict asks",
        "mode restrict, which refuses what is in no list",
        Edit(
            RULES,
            'if policy.mode == "restrict" else Ask(parts)',
            "if False else Ask(parts)",
        ),
        f"{T_RULES}::test_mode_decides_what_is_in_no_list",
    ),
    without(
        "files that decide about agents can be planted",
        "what a command has made and must not make is put aside",
        Edit(
            EXECUTION,
            "        created = await asyncio.to_thread(put_aside, watched) if watched else []",
            "        created: list[Path] = []",
        ),
        f"{T_TURN_PROTECTED_FILES}::test_a_file_that_decides_about_agents_cannot_be_made_by_a_command",
    ),
    without(
        "guards of an agent do not hold",
        "the hooks before a tool",
        Edit(
            JUDGING,
            "    if why := guards.refusal(hooks, resolved.as_prior(), prior):",
            "    if why := None:",
        ),
        f"{T_TURN_TOOL_CALLS}::test_guards_and_notes_of_the_agent_hold",
    ),
    without(
        "an active skill narrows nothing",
        "the tools that a skill allows, until the turn ends",
        Edit(
            SKILLS,
            "    for skill in active:",
            "    for skill in ():",
        ),
        f"{T_TURN_TOOL_CALLS}::test_an_active_skill_narrows_the_tools_until_the_turn_ends",
    ),
)

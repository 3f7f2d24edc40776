"""Safeguards of what a person sees of a call before it is decided, and of how long the decision holds."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import APPLY, APPROVALS, DIFFS, PREVIEW, QUESTION, T_ALLOWANCES, T_PREVIEW

_APPLY = "tests/journal/test_apply.py"
_DIFFS = "tests/cli/chat/test_diffs.py"
_QUESTION = "tests/cli/chat/test_question.py"

DECIDING: tuple[Mutant, ...] = (
    without(
        "a diff that the server cut can be allowed",
        "the keys without an allowance, where not all of a change can be seen",
        Edit(QUESTION, "        return not is_whole(approval.preview)\n", "        return False\n"),
        f"{_QUESTION}::test_what_the_server_cut_off_a_change_makes_it_too_long_to_allow",
    ),
    without(
        "a diff that the server cut does not say so",
        "the last row of a preview that has no room for all of the change",
        Edit(PREVIEW, "            return [*rows[:at], f", "            return rows[:at] or [f"),
        f"{T_PREVIEW}::test_several_files_are_named_and_a_long_preview_says_what_is_left_of_it",
    ),
    without(
        "long lines of a change are cut before the decision",
        "the whole lines of a preview: what is decided about may stand at the end of one",
        Edit(PREVIEW, "change.path, whole=True)", "change.path)"),
        f"{T_PREVIEW}::test_the_preview_is_all_that_a_call_would_change_and_changes_nothing",
    ),
    without(
        "what has no room in the box is cut in silence",
        "the row that counts what is left out of a change",
        Edit(
            DIFFS,
            "    return [*head, *tail, marker] if first == last else [*head, marker, *tail]",
            "    return [*head, *tail]",
        ),
        f"{_DIFFS}::test_no_more_lines_are_taken_than_there_are_and_none_is_lost_uncounted",
    ),
    without(
        "changed lines are cut before others",
        "the order in which a diff is cut: what does not change goes first",
        Edit(DIFFS, ' if text[:1] != " "], len(found)', "], len(found)"),
        f"{_DIFFS}::test_rows_that_do_not_change_go_first_and_then_the_middle",
    ),
    without(
        "all of a change cannot be seen",
        "the key that shows all of a diff",
        Edit(QUESTION, "    return bool(approval.preview) or len(command)", "    return len(command)"),
        f"{_QUESTION}::test_a_change_is_shown_as_its_diff_with_the_keys_or_the_offers",
    ),
    without(
        "a closed session keeps its allowances",
        "the end of allowances with their session",
        Edit(APPLY, "return replace(at, closed=True, allowed=())", "return replace(at, closed=True)"),
        f"{_APPLY}::test_what_is_allowed_in_a_session_is_kept_until_it_is_taken_back_or_the_session_ends",
    ),
    without(
        "a closed session gets allowances",
        "the look whether the session has ended when a decision about it comes",
        Edit(APPLY, "    return at if at.closed else replace(at, allowed=", "    return replace(at, allowed="),
        f"{_APPLY}::test_what_is_allowed_in_a_session_is_kept_until_it_is_taken_back_or_the_session_ends",
    ),
    without(
        "what is allowed in one session is allowed in all",
        "the policy is written only for what is allowed for ever",
        Edit(APPROVALS, '    if posted.decision == "allow_always":\n', "    if patterns:\n"),
        f"{T_ALLOWANCES}::test_a_session_asks_no_second_time_and_another_one_does",
    ),
)

"""Safeguards of Anthropic's dialect: what it signed comes back unchanged, and only where it fits."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_ROOM = "duragent.models.direct.anthropic"
_TESTS = "tests/models/direct/anthropic"
_T_THINKING = f"{_TESTS}/test_thinking.py"
_T_WRITTEN = f"{_TESTS}/test_written.py"
_T_ANSWER = f"{_TESTS}/test_answer.py"

ANTHROPIC: tuple[Mutant, ...] = (
    without(
        "a turn begun without thinking goes on with it",
        "a request with calls whose thinking is missing does not ask for thinking",
        Edit(
            f"{_ROOM}.written",
            "lacks = lacks or (takes_over and not kept_blocks(message.opaque, self._choice))",
            "pass",
        ),
        f"{_T_THINKING}::test_calls_without_their_thinking_go_on_without_it",
    ),
    without(
        "thinking that no longer fits fails the newest models",
        "drop_block: thinking bound to a system message that has changed is left out",
        Edit(f"{_ROOM}.thinking", "if facts.binds_thinking and any(", "if False and any("),
        f"{_T_THINKING}::test_newest_models_are_told_to_leave_out_thinking_that_no_longer_fits",
    ),
    without(
        "cut thinking is kept",
        "a block of thinking without its signature is not sent back",
        Edit(f"{_ROOM}.answer", 'or finish != "length" or', 'or finish != "" or'),
        f"{_T_ANSWER}::test_thinking_that_the_limit_cut_off_is_not_kept",
    ),
    without(
        "thinking is the last block",
        "a message of the assistant does not end with thinking, which is refused",
        Edit(f"{_ROOM}.kept", "while blocks and blocks[-1]", "while False and blocks[-1]"),
        f"{_T_WRITTEN}::test_thinking_at_the_end_is_left_out",
    ),
    without(
        "one id for two calls",
        "the ids of calls are unique in a request",
        Edit(f"{_ROOM}.written", "while new in self._taken:", "while False:"),
        f"{_T_WRITTEN}::test_ids_of_other_providers_are_written_in_letters_that_are_taken_each_once",
    ),
)

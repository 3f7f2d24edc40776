"""Safeguards of what a model reads last, and of what texts may include."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_TAIL, _INCLUDES = "duragent.models.tail", "duragent.agent.includes"
_T_TAIL, _T_INCLUDES = "tests/models/test_tail.py", "tests/agent/test_includes.py"
_T_WIRE = "tests/models/scenarios/test_any_conversation.py"

TAIL: tuple[Mutant, ...] = (
    without(
        "the tail is in the prefix",
        "the place of the tail: the newest message",
        Edit(
            _TAIL,
            '    at = len(messages)\n    while at > 0 and messages[at - 1].role == "user":\n        at -= 1\n',
            '    at = next((n for n, each in enumerate(messages) if each.role == "user"), len(messages))\n',
        ),
        f"{_T_TAIL}::test_tail_is_in_the_last_message",
        f"{_T_WIRE}::test_what_stands_before_the_tail_is_the_same_without_it",
    ),
    without(
        "a cache mark covers the tail",
        "the move of the mark to the message before",
        Edit(_TAIL, "(before := min(point, at - 1)) >= 0", "(before := point) >= 0"),
        f"{_T_TAIL}::test_tail_is_in_the_last_message",
        f"{_T_WIRE}::test_no_mark_covers_the_tail",
    ),
    without(
        "what the agent wrote becomes a rule",
        "the refusal to include from `memory/`",
        Edit(_INCLUDES, "        if real.is_relative_to(own / NOT_INCLUDED):", "        if False:"),
        f"{_T_INCLUDES}::test_what_cannot_be_included_is_told_with_its_chain",
    ),
    without(
        "a file that includes itself is read again and again",
        "the look at the chain of files",
        Edit(_INCLUDES, "            if any(followed(each) == real for each, _ in chain):", "            if False:"),
        f"{_T_INCLUDES}::test_what_cannot_be_included_is_told_with_its_chain",
    ),
)

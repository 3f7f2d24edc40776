"""What the command line of `duragent ask` asks."""

import pytest

from duragent.cli.asking import Asking

AGENTS = {"assistant", "clerk"}


@pytest.mark.parametrize(
    ("asking", "agent", "text"),
    [
        (Asking(("clerk", "how", "much?")), "clerk", "how much?"),
        (Asking(("how much?",)), None, "how much?"),
        (Asking(("clerk",), piped="how much?"), "clerk", "how much?"),
        (Asking(("how much?",), piped="a list"), None, "how much?\n\na list"),
        (Asking(("clerk", "how much?"), piped="a list"), "clerk", "how much?\n\na list"),
        (Asking(("clerk", "in", "-", "how much?"), piped="a list"), "clerk", "in a list how much?"),
        (Asking(("-",), piped="how much?"), None, "how much?"),
        (Asking((), piped="how much?"), None, "how much?"),
        (Asking(("clerk", "how much?"), agent="assistant"), "assistant", "clerk how much?"),
        (Asking(("clerk",), agent="assistant"), "assistant", "clerk"),
    ],
)
def test_first_of_several_words_is_the_agent_and_one_alone_the_question(
    asking: Asking, agent: str | None, text: str
) -> None:
    named, question = asking.read(AGENTS if asking.is_open else ())
    assert (named, question.text) == (agent, text)


def test_files_are_mentioned_in_words_and_not_in_what_was_piped() -> None:
    _, question = Asking(("see @a.txt", "-", "and @b.txt"), piped="@secret", agent="clerk").read(())
    assert (question.text, question.own) == ("see @a.txt @secret and @b.txt", "see @a.txt and @b.txt")

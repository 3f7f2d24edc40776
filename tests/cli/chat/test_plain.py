import pytest

from duragent.cli.chat.question import AnswerKey, answer_of, plain_question
from duragent.wire import Approval, Finding

_ASKED = Approval(
    kind="approval",
    session_id="session_1",
    agent="assistant",
    call_id="c1",
    tool="bash",
    command="rm -f x",
    findings=[Finding(text="rm -f x", reason="not in the allow list")],
    patterns=["bash:rm -f x"],
    arguments_sha256="0" * 64,
    seq=7,
    title="",
    requested_at="2026-11-22T00:00:00Z",
)


@pytest.mark.parametrize(
    ("line", "choice"),
    [
        ("y", AnswerKey("allow_once")),
        (" Y ", AnswerKey("allow_once")),
        ("a", AnswerKey("allow_always", "", ("bash:rm -f x",))),
        ("n", AnswerKey("deny")),
        ("d not now", AnswerKey("deny", "not now")),
        ("e bash:rm *", AnswerKey("allow_always", "", ("bash:rm *",))),
        ("d", None),
        ("yes", None),
        ("y please", None),
        ("r", None),
        ("", None),
    ],
)
def test_a_line_is_an_answer_or_a_message(line: str, choice: AnswerKey | None) -> None:
    assert answer_of(_ASKED, line) == choice


def test_a_question_is_told_with_its_answers() -> None:
    assert plain_question(_ASKED).split("\n") == [
        "Approval needed: bash  rm -f x",
        "  rm -f x: not in the allow list",
        "Answer with a line:",
        "  y: once",
        "  a 1: always: this call",
        "  e PATTERN: this pattern instead",
        "  n: deny",
        "  d WHY: deny, and say why",
    ]

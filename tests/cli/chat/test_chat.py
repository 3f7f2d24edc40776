"""`duragent chat` where there is no terminal."""

import pytest

from tests.cli.commands import Command
from tests.cli.place import Place


def test_chat_in_a_pipe_answers_each_line(place: Place) -> None:
    ran = place.run("chat", stdin="1+1\n\n2+2\n")
    assert (ran.returncode, ran.stdout) == (0, "1+1 = 2\n2+2 = 4\n")


@pytest.mark.parametrize(
    ("arguments", "answers"),
    [
        (["1+1"], "1+1 = 2\n2+2 = 4\n"),
        (["repeat", "after", "me"], "after me\n2+2 = 4\n"),
        (["assistant", "1+1"], "1+1 = 2\n2+2 = 4\n"),
        (["assistant"], "2+2 = 4\n"),
        (["--agent", "assistant", "--title", "Sums", "1+1"], "1+1 = 2\n2+2 = 4\n"),
    ],
)
def test_first_message_may_stand_on_the_command_line(place: Place, arguments: list[str], answers: str) -> None:
    ran = place.run("chat", *arguments, stdin="2+2\n")
    assert (ran.returncode, ran.stdout) == (0, answers)
    assert [session["title"] for session in place.sessions()] == ["Sums" if "--title" in arguments else None]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-c", "duragent.yaml"], "-c is --continue here; --config names a duragent.yaml"),
        (["-c", "--title", "x"], "--title is for a new session"),
        (["--title", "a\nb"], "--title takes at most 200 characters on one line"),
        (["--title", "x" * 201], "--title takes at most 200 characters on one line"),
    ],
)
def test_fault_on_the_command_line_says_what_would_be_right(duragent: Command, arguments: list[str], says: str) -> None:
    ran = duragent("chat", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err

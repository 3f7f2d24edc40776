"""Try a sandbox once, and say in words what is wrong with it."""

from pathlib import Path

import pytest

from duragent.sandboxes.base import Command
from duragent.sandboxes.trial import Trouble, said_by, trial

ENV = {"PATH": "/usr/bin:/bin"}


def explained(said: str) -> Trouble:
    return Trouble(f"it said: {said}", "do it")


def sh(script: str) -> Command:
    return Command(("sh", "-c", script), Path("/"), ENV)


def test_command_that_succeeds_is_no_trouble() -> None:
    assert trial(sh("echo odd >&2"), explained) is None


def test_what_it_says_is_explained_and_of_much_only_the_end() -> None:
    assert trial(sh("echo ' no ' >&2; exit 3"), explained) == Trouble("it said: no", "do it")
    found = trial(sh("seq 1000 >&2; exit 1"), explained)
    assert found is not None
    assert found.why.endswith("999\n1000")
    assert len(found.why) < 400


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (Command(("/no/such/program",), Path("/"), ENV), "/no/such/program could not be started: No such file"),
        (Command(("sh",), Path("/no/such/folder"), ENV), "sh could not be started: No such file"),
    ],
)
def test_program_that_cannot_be_started_is_named(command: Command, why: str) -> None:
    found = trial(command, explained)
    assert found is not None
    assert found.why.startswith(why)


def test_program_without_an_answer_is_not_waited_for() -> None:
    found = trial(Command(("sleep", "1000"), Path("/"), ENV), explained, seconds=0.05)
    assert str(found) == "sleep gave no answer in 0.05 seconds: try it by hand"


@pytest.mark.parametrize(("hint", "text"), [("", "why"), ("do it", "why: do it")])
def test_trouble_is_one_sentence(hint: str, text: str) -> None:
    assert str(Trouble("why", hint)) == text


def test_help_of_a_program_is_what_it_prints() -> None:
    assert said_by(("sh", "-c", "echo out; echo err >&2; exit 1")) == "out\nerr\n"
    assert said_by(("/no/such/program", "--help")) == ""

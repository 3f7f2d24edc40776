"""Which options and commands of git run other programs."""

import pytest

from duragent.policy.shell.git import git, git_parts, only_harmless_options
from tests.policy.shell.words_of import texts, words_of


@pytest.mark.parametrize(
    ("command", "options", "rest", "harmless"),
    [
        ("git status -s", "", "status -s", True),
        ("git --no-pager log", "--no-pager", "log", True),
        ("git -C x --git-dir=y log -p", "-C x --git-dir=y", "log -p", False),
        ("git --version", "--version", "", True),
    ],
)
def test_options_in_front_of_the_command(command: str, options: str, rest: str, harmless: bool) -> None:
    words = words_of(command)
    assert tuple(map(texts, git_parts(words))) == (options, rest)
    assert only_harmless_options(words) is harmless


@pytest.mark.parametrize(
    "command",
    [
        "git -c core.pager=x log", "git --exec-path=/x log", "git diff --ext-diff", "git log --output=x",
        "git log --outp=x", "git grep -Oless x", "git bisect run x", "git submodule foreach ls",
        "git clone -u x y", "git rebase -x ls", "git archive --exec=x", "git $X", "git cat-file --filters x",
    ],
)  # fmt: skip
def test_what_may_run_a_program_has_a_reason(command: str) -> None:
    assert git(words_of(command)).reasons


@pytest.mark.parametrize(
    "command",
    ["git status", "git --no-pager diff --stat", "git grep -n x", "git log --oneline -5", "git log -- --output"],
)
def test_reading_has_no_reason(command: str) -> None:
    assert git(words_of(command)).reasons == ()


def test_alias_and_run_are_guessed_for_denials() -> None:
    guesses = [texts(each) for each in git(words_of("git -c alias.x='!rm -r y' bisect run rm z")).guesses]
    assert "rm -r y" in guesses
    assert "rm z" in guesses

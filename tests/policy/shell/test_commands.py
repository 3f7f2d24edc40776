"""A command line as the pieces that policy judges."""

import pytest

from duragent.policy.shell.commands import MAX_DEPTH, TOO_MUCH, CommandPiece, is_guarded, pieces_of
from duragent.policy.shell.words import GLOB, HOLE


def one(text: str) -> CommandPiece:
    [piece] = pieces_of(text)
    return piece


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("ls -l; 'git' status", ["ls -l", "git status"]), ("make > out", ["> out", "make"]), ("x=1", []),
        ("PATH=x", ["PATH=x"]), ("PATH=x ls", ["PATH=x ls"]), ("LC_ALL=C ls", ["ls"]), ("ls 2>/dev/null", ["ls"]),
        ("cat < f", ["< f", "cat"]), ("cat <<< f", ["cat"]), ("ls 2>&1", ["ls"]),
    ],
)  # fmt: skip
def test_pieces_are_commands_files_that_are_written_and_variables_that_matter(text: str, pieces: list[str]) -> None:
    assert sorted(piece.text for piece in pieces_of(text)) == sorted(pieces)


@pytest.mark.parametrize(
    ("text", "inner"),
    [("nice ls -l", ["ls -l"]), ("bash -c 'ls; pwd'", ["ls", "pwd"]), ("tee a", ["> a"]), ("tee /dev/null", [])],
)
def test_what_a_command_runs_is_judged_on_its_own(text: str, inner: list[str]) -> None:
    assert [piece.text for piece in one(text).inner] == inner


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("$X", "which command it is, is known only when it runs"), ("'a b'", "its name has blanks in it"),
        ("ls (", "is not a shell command that can be understood"), ("eval " * (MAX_DEPTH + 2) + "ls", TOO_MUCH),
    ],
)  # fmt: skip
def test_piece_that_no_pattern_can_allow_says_why(text: str, why: str) -> None:
    assert why in [piece.unknowable for found in pieces_of(text) for piece in found.all()]


def test_function_of_the_same_text_is_no_program() -> None:
    why = [piece.unknowable for piece in pieces_of("ls() { rm x; }; ls")]
    assert "ls is a function defined in the same text" in why


@pytest.mark.parametrize(
    ("text", "allowed_by", "template"),
    [
        ("/usr/bin/ls -l", ("/usr/bin/ls -l", "ls -l"), "/usr/bin/ls -l"),
        ("echo 'a b'", ("echo 'a b'",), "echo a b"),
        ("echo 'a'", ("echo a",), "echo a"),
        ("git --no-pager log", ("git --no-pager log", "git log"), "git --no-pager log"),
        ("ls *.py", ("ls *.py",), f"ls {GLOB}.py"),
        ("ls $X", (), f"ls {HOLE}"),
    ],
)
def test_spellings_that_an_allowance_is_tried_on(text: str, allowed_by: tuple[str, ...], template: str) -> None:
    assert (one(text).allowed_by, one(text).template) == (allowed_by, template)


def test_a_denial_is_tried_on_the_name_without_its_folder_and_on_git_without_its_options() -> None:
    assert "rm x" in one("/opt/rm x").denied_by
    assert "git push" in one("git -C x push").denied_by


@pytest.mark.parametrize("text", ["cd x && git status", "env -C x git log", "find . -execdir git log ';'"])
def test_git_in_another_folder_has_a_reason(text: str) -> None:
    reasons = [reason.why for found in pieces_of(text) for piece in found.all() for reason in piece.reasons]
    assert "git may run what the folder's own configuration says" in reasons


@pytest.mark.parametrize(
    ("path", "guarded"),
    [
        ("policy.yaml", True), ("a/.git/config", True), (".DURAGENT/x", True), ("~/.bashrc", True), ("x=.envrc", True),
        ("my-policy.yaml", False), ("src/git", False), ("policy.yaml.txt", False),
    ],
)  # fmt: skip
def test_files_that_decide_what_is_allowed_are_guarded(path: str, guarded: bool) -> None:
    assert is_guarded(path) is guarded

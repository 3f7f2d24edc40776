"""Patterns by which ripgrep enters folders whose name begins with a dot."""

from pathlib import Path

import pytest

from duragent.policy.shell.rg_globs import in_words, may_name, named_again
from tests.policy.shell.words_of import words_of


@pytest.mark.parametrize(
    ("command", "globs"),
    [
        ("rg x", ()), ("rg -g '.duragent' x", (".duragent",)), ("rg -ng'.d*' x", (".d*",)),
        ("rg '--glob=.x/**' x", (".x/**",)), ("rg --iglob .x y", (".x",)), ("rg -g '!.x' y", ()),
        ("rg -g $X y", ("*",)), ("rg -g", ("*",)),
    ],
)  # fmt: skip
def test_patterns_of_the_command(command: str, globs: tuple[str, ...]) -> None:
    assert in_words(words_of(command)) == globs


def test_patterns_of_ignore_files_in_the_folder_and_around_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / ".git" / "info").mkdir(parents=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("!.in-git\n")
    (tmp_path / "a" / ".gitignore").write_text("*.pyc\n!.around\n")
    (folder / ".rgignore").write_text("!.here\n# !.comment\n")
    found = [glob for glob in named_again(str(folder)) if glob in (".here", ".around", ".in-git", ".comment", "*.pyc")]
    assert found == [".here", ".around", ".in-git"]


@pytest.mark.parametrize(
    ("glob", "name", "may"),
    [
        (".duragent", ".duragent", True), (".Duragent/", ".duragent", True), (".d*", ".duragent", True),
        ("*", ".duragent", True), ("**/run/*", ".duragent", True), (".git", ".duragent", False),
        ("*.py", ".duragent", False), ("{.duragent,x}", ".duragent", True),
    ],
)  # fmt: skip
def test_pattern_that_is_not_surely_about_another_name_may_fit(glob: str, name: str, may: bool) -> None:
    assert may_name(glob, name) is may

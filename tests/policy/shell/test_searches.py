"""Which words are files, and which commands read all that is below a folder."""

import pytest

from duragent.policy.shell.searches import compares_folders, names_in_a_file, operands, search
from tests.policy.shell.words_of import texts, words_of


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("cat a b", "a b"), ("grep x a b", "a b"), ("grep -e x a", "-e x a"), ("grep -f x a", "-f x a"),
        ("rg -n x src", "-n src"), ("grep --context 3 x a", "--context 3 x a"), ("grep $X a", "$X a"),
        ("sort a", "a"),
    ],
)  # fmt: skip
def test_words_that_may_name_files_are_all_but_a_plain_pattern(command: str, files: str) -> None:
    words = words_of(command)
    assert texts(operands(words[0].text, words)) == files


@pytest.mark.parametrize(
    ("command", "folders", "follows", "hidden"),
    [
        ("grep -r x src", "src", "", True), ("grep -R x src", "src", "-R", True), ("grep x src", None, "", True),
        ("grep -rn x", ".", "", True), ("rg x", ".", "", False), ("rg -L x a", "a", "-L", False),
        ("rg --hidden -n x a", "a", "", True), ("diff -r a b", "a b", "-r", True), ("diff a b", None, "", True),
        ("cp -a x y", "x y", "", True), ("git grep --no-index x a", "grep x a .", "--no-index", True),
    ],
)  # fmt: skip
def test_command_that_searches_folders(command: str, folders: str | None, follows: str, hidden: bool) -> None:
    words = words_of(command)
    found = search(words[0].text, words)
    assert (None if found is None else (texts(found.folders), found.follows, found.hidden)) == (
        None if folders is None else (folders, follows, hidden)
    )


@pytest.mark.parametrize(
    ("command", "path", "left_out"),
    [
        ("grep -r --exclude-dir=.duragent x .", ".duragent/run/token", True),
        ("grep -r --exclude-dir=.duragent/ x .", "a/.duragent/run", True),
        ("grep -r -- --exclude-dir=.duragent x", ".duragent/run", False),
        ("grep -r -m --exclude-dir=.duragent x .", ".duragent/run", False),
        ("grep -r x .", ".duragent/run", False),
        ("rg x", ".duragent/run", True),
        ("rg -u x", ".duragent/run", False),
        ("rg x", "src/a", False),
    ],
)
def test_folders_that_a_search_leaves_out(command: str, path: str, left_out: bool) -> None:
    words = words_of(command)
    found = search(words[0].text, words)
    assert found is not None
    assert found.leaves_out(path, found.globs) is left_out


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("wc --files0-from=x", True), ("sort --files0-from x", True), ("find -files0-from x", True),
        ("file -f x", True), ("strings @x", True), ("jq -f x", True), ("jq 'import \"a\" as a; .'", True),
        ("wc -l x", False), ("jq . x", False), ("cat --files0-from=x", False),
    ],
)  # fmt: skip
def test_names_of_files_that_stand_in_another_file(command: str, names: bool) -> None:
    words = words_of(command)
    assert names_in_a_file(words[0].text, words) is names


@pytest.mark.parametrize(
    ("command", "compared"), [("git diff a b", "a b"), ("git diff a", ""), ("git log a b", ""), ("diff a b", "")]
)
def test_git_diff_compares_files_outside_of_the_repository(command: str, compared: str) -> None:
    words = words_of(command)
    assert texts(compares_folders(words[0].text, words)) == compared

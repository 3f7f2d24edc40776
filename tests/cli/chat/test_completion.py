"""What the input line offers."""

import time
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from duragent.cli.chat.completion import FILES_MAX, LineCompleter, Mention, MenuItem, files_below, fitting, mention_in

ITEMS = [MenuItem("/help", "this list"), MenuItem("/title", "give a title", "TEXT"), MenuItem("/retry", "again")]


def offered(here: Path, text: str) -> list[tuple[str, str, str]]:
    """The line as it would become, what the menu shows, and what it says about it."""
    found = LineCompleter(lambda: ITEMS, here).get_completions(Document(text), CompleteEvent())
    return [
        (text[: len(text) + each.start_position] + each.text, each.display_text, each.display_meta_text)
        for each in found
    ]


def lines(here: Path, text: str) -> list[str]:
    return [line for line, _, _ in offered(here, text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "/",
            [
                ("/help", "/help", "this list"),
                ("/title ", "/title TEXT", "give a title"),
                ("/retry", "/retry", "again"),
            ],
        ),
        ("/re", [("/retry", "/retry", "again")]),
        ("/t", [("/title ", "/title TEXT", "give a title")]),
        ("/try", [("/retry", "/retry", "again")]),
        ("/x", []),
        ("/help ", []),
        ("/etc/hosts", []),
        ("a /", []),
        ("", []),
    ],
)
def test_commands_are_offered_with_what_they_do(tmp_path: Path, text: str, found: list[tuple[str, str, str]]) -> None:
    assert offered(tmp_path, text) == found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("src/auth.py", "src/deep/other.py", "README.md", "a b.txt", ".env", "node_modules/x.js", "src/\x1bx"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see @", ["see @README.md ", 'see @"a b.txt" ', "see @src/auth.py ", "see @src/deep/other.py "]),
        ("see @au", ["see @src/auth.py "]),
        ("see @sdo", ["see @src/deep/other.py "]),
        ("see @READ", ["see @README.md "]),
        ('see @"a b', ['see @"a b.txt" ']),
        ("see @./", ['see @"./a b.txt" ', "see @./node_modules/", "see @./README.md ", "see @./src/"]),
        ("see @./.e", ["see @./.env "]),
        ("see @./src/", ["see @./src/auth.py ", "see @./src/deep/"]),
        ("see @./nowhere/", []),
        ("ada@READ", []),
        ("@README.md and", []),
    ],
)
def test_files_are_offered_behind_an_at_sign(project: Path, text: str, found: list[str]) -> None:
    assert sorted(lines(project, text)) == sorted(found)


def test_mention_ends_where_a_space_is() -> None:
    assert mention_in("see @a/b") == Mention("a/b", quoted=False)
    assert mention_in('see @"a b') == Mention("a b", quoted=True)
    assert mention_in("see @a b") is None
    assert mention_in("see @a\nb") is None


def test_name_that_begins_so_comes_before_a_path_that_has_it() -> None:
    assert fitting(["lib/test/x.py", "x/mytest.py", "x/test.py", "t/e/s/t.py", "other"], "test") == [
        "x/test.py",
        "x/mytest.py",
        "lib/test/x.py",
        "t/e/s/t.py",
    ]


def test_list_of_files_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (tmp_path / str(number)).touch()
    monkeypatch.setattr("duragent.cli.chat.completion.FILES_MAX", 3)
    assert list(files_below(tmp_path)) == ["0", "1", "2"]
    assert FILES_MAX == 20_000


def test_files_are_listed_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    completer, now = LineCompleter(list, tmp_path), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def seen() -> list[str]:
        return [each.text for each in completer.get_completions(Document("@"), CompleteEvent())]

    (tmp_path / "a").touch()
    assert seen() == ["a "]
    (tmp_path / "b").touch()
    assert seen() == ["a "]
    now = 60.0
    assert seen() == ["a ", "b "]

"""From a word to the files that it may name."""

import os
from pathlib import Path

import pytest

from duragent.policy.place import PROCESS, CommandPlace
from duragent.policy.resolve import MAX_STEPS, FileTarget, Resolver, TooMuch
from duragent.policy.shell.words import GLOB, NUMBER


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path.resolve()
    (folder / "src" / "inner").mkdir(parents=True)
    (folder / "src" / "a1").write_text("")
    (folder / "src" / "b").write_text("")
    (folder / "src" / ".hidden").write_text("")
    (folder / "closed").mkdir()
    (folder / "closed" / "token").write_text("")
    (folder / "link").symlink_to("closed/token")
    (folder / "to-src").symlink_to(folder / "src")
    (folder / "circle").symlink_to("circle")
    return folder


def found(here: Path, text: str) -> list[tuple[str, str]]:
    """(path from `here`, sort) of what the text names; a private file has the sort `private`."""
    resolver = Resolver(CommandPlace(str(here), (str(here),), closed=(str(here / "closed"),)))
    targets = resolver.targets(str(here), text)
    return sorted((each.path.removeprefix(f"{here}/"), "private" if each.private else each.sort) for each in targets)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("src/b", [("src/b", "other")]),
        ("src/../src//./b", [("src/b", "other")]),
        ("src", [("src", "folder")]),
        ("nothing", [("nothing", "missing")]),
        ("to-src/b", [("src/b", "other")]),
        ("to-src/../src", [("src", "folder")]),
        (f"src/{GLOB}", [("src/a1", "other"), ("src/b", "other"), ("src/inner", "folder")]),
        (f"src/.{GLOB}", [("src/.hidden", "other")]),
        (f"src/a{NUMBER}", [("src/a1", "other")]),
        (f"nothing/{GLOB}", []),
        ("closed/token", [("closed", "private")]),
        ("link", [("closed", "private")]),
        ("src/../closed", [("closed", "private")]),
        ("/dev/null", []),
        ("/dev/fd/3", []),
    ],
)
def test_files_are_found_behind_links_and_globs(here: Path, text: str, files: list[tuple[str, str]]) -> None:
    assert found(here, text) == files


def test_second_name_of_a_closed_file_is_private(here: Path) -> None:
    os.link(here / "closed" / "token", here / "copy")
    resolver = Resolver(CommandPlace(str(here), (), closed=(str(here / "closed" / "token"),)))
    assert resolver.targets(str(here), "copy") == (FileTarget(f"{here}/copy", private=True),)


def test_circle_of_links_ends(here: Path) -> None:
    assert found(here, "circle") == [("circle", "other")]


@pytest.mark.parametrize(
    ("text", "path", "private"),
    [
        ("/proc/1/environ", f"{PROCESS}/environ", True),
        ("/proc/self/status", f"{PROCESS}/status", False),
        ("/proc/1/task/2/mem", f"{PROCESS}/mem", True),
        (f"/proc/{NUMBER}/stat", f"{PROCESS}/stat", False),
        (f"/proc/1/{GLOB}", f"{PROCESS}/*", True),
        ("/proc/1/net/../environ", PROCESS, True),
        ("/proc/version", "/proc/version", False),
    ],
)
def test_one_process_stands_for_all(here: Path, text: str, path: str, private: bool) -> None:
    resolver = Resolver(CommandPlace(str(here), ()))
    assert [(each.path, each.private) for each in resolver.targets("/", text)] == [(path, private)]


def test_work_without_an_end_is_refused(here: Path) -> None:
    for number in range(200):
        (here / "src" / f"x{number}").mkdir()
        (here / "src" / f"x{number}" / "y").mkdir()
    resolver = Resolver(CommandPlace(str(here), ()))
    questions = (f"src/{GLOB}/{GLOB}/z{number}" for number in range(MAX_STEPS))
    with pytest.raises(TooMuch):
        any(resolver.targets(str(here), question) is None for question in questions)


def test_every_question_is_answered_once(here: Path) -> None:
    resolver = Resolver(CommandPlace(str(here), ()))
    before = resolver.targets(str(here), "src/b")
    (here / "src" / "b").unlink()
    assert resolver.targets(str(here), "src/b") is before

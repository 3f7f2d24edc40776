"""Which home folders this process's user has."""

import os
import pwd
from pathlib import Path

import pytest

from duragent.system.homes import own_homes

LISTED = pwd.getpwuid(os.getuid()).pw_dir


@pytest.mark.parametrize(
    ("home", "first"),
    [("/somewhere/else", ["/somewhere/else"]), ("/a/../b//", ["/b"]), ("/", ["/"]), ("", []), ("relative", [])],
)
def test_home_of_the_environment_comes_first_and_relative_paths_are_ignored(home: str, first: list[str]) -> None:
    expected = [Path(path) for path in (*first, LISTED)]
    assert own_homes({"HOME": home}) == tuple(dict.fromkeys(expected))


def test_a_home_that_both_name_is_there_once() -> None:
    assert own_homes({"HOME": LISTED}) == own_homes({}) == (Path(LISTED),)

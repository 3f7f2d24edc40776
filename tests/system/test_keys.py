"""Keys that are stored: found by whoever starts a server, readable by this user alone, and in no environment."""

import os
import stat
from pathlib import Path

import pytest

from duragent.errors import InvalidFile, InvalidRequest
from duragent.system.keys import Keys, key_folder, parse_env, remove_key, store_key

NAME, KEY = "OPENAI_API_KEY", "sk-secret-1"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def test_a_stored_key_is_found_from_any_login(home: dict[str, str], tmp_path: Path) -> None:
    path = store_key(home, NAME, f" {KEY}\n")
    assert path == tmp_path / ".local/state/duragent/keys"
    # As cron has it, as a login has it, and as systemd may have it.
    for more in ({}, {"XDG_STATE_HOME": "/elsewhere", "XDG_RUNTIME_DIR": "/run/user/1"}, {"PATH": "/bin"}):
        keys = Keys(home | more)
        assert (keys[NAME], keys.origin(NAME)) == (KEY, "key file")


def test_a_stored_key_is_for_this_user_alone(home: dict[str, str]) -> None:
    before = os.umask(0)
    try:
        path = store_key(home, NAME, KEY)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)] == [0o600, 0o700]
    assert sorted(each.name for each in path.parent.iterdir()) == ["keys"]


@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_file_that_others_can_read_is_refused_until_it_is_closed(home: dict[str, str], which: str) -> None:
    path = store_key(home, NAME, KEY)
    opened, mode = (path, 0o600) if which == "file" else (path.parent, 0o700)
    keys = Keys(home)
    assert keys[NAME] == KEY
    opened.chmod(mode | 0o040)
    assert keys.get(NAME) is None
    assert "chmod go-rwx would close it" in keys.faults[0]
    assert KEY not in keys.faults[0]
    with pytest.raises(InvalidFile, match="chmod go-rwx"):
        store_key(home, "OTHER", "k")
    opened.chmod(mode)
    assert (keys[NAME], keys.faults) == (KEY, ())


def test_a_link_in_the_place_of_the_file_is_not_followed(home: dict[str, str], tmp_path: Path) -> None:
    path = store_key(home, NAME, KEY)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    keys = Keys(home)
    assert keys.get(NAME) is None
    assert "symbolic link" in keys.faults[0]


def test_a_server_that_runs_sees_what_is_stored_changed_and_removed(home: dict[str, str]) -> None:
    keys = Keys(home)
    assert keys.get(NAME) is None
    store_key(home, NAME, KEY)
    assert keys[NAME] == KEY
    store_key(home, "OTHER_API_KEY", "k2")
    assert dict(keys.stored) == {NAME: KEY, "OTHER_API_KEY": "k2"}
    assert [remove_key(home, NAME), remove_key(home, NAME)] == [True, False]
    assert (keys.get(NAME), keys["OTHER_API_KEY"]) == (None, "k2")


def test_the_environment_wins_then_the_env_file_then_the_key_file(home: dict[str, str], tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    store_key(home, NAME, "stored")
    assert Keys(home)[NAME] == "stored"
    env_file.write_text(f"{NAME}=project\n")
    assert [Keys(home, env_file)[NAME], Keys(home, env_file).origin(NAME)] == ["project", "env file"]
    exported = Keys(home | {NAME: "exported"}, env_file)
    assert [exported[NAME], exported.origin(NAME)] == ["exported", "environment"]
    # A variable that is set to nothing is no key.
    assert Keys(home | {NAME: " "}, env_file)[NAME] == "project"
    assert Keys({"HOME": home["HOME"], "A": ""})["A"] == ""


def test_an_env_file_is_read_only_when_it_is_named_and_says_when_it_is_not_there(
    home: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"{NAME}={KEY}\n")
    assert Keys(home).get(NAME) is None
    assert "there is no such file" in Keys(home, tmp_path / "gone").faults[0]


def test_nothing_of_a_key_is_in_the_words_for_the_object_or_in_the_environment(home: dict[str, str]) -> None:
    store_key(home, NAME, KEY)
    keys = Keys(home)
    assert keys[NAME] == KEY
    assert KEY not in f"{keys!r} {keys}"
    assert NAME not in home
    assert os.environ.get(NAME) != KEY


@pytest.mark.parametrize("key", ["", "  ", "two words", "a\nb", 'sk"x', "#x", "k" * 4_001, "schlüssel"])
def test_what_is_no_key_is_refused_without_being_shown(home: dict[str, str], key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        store_key(home, NAME, key)
    assert not key.strip() or key not in str(refused.value)
    assert Keys(home).get(NAME) is None


def test_a_name_must_be_one_of_a_variable(home: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="no name of a variable"):
        store_key(home, "A=B", KEY)


def test_a_file_that_is_replaced_whole_survives_a_crash_in_between(home: dict[str, str]) -> None:
    path = store_key(home, NAME, KEY)
    # What a process leaves that was killed before the rename.
    path.with_name(".keys.new").write_text("OPENAI_API_KEY=half")
    assert Keys(home)[NAME] == KEY
    store_key(home, "OTHER_API_KEY", "k2")
    assert (Keys(home)[NAME], Keys(home)["OTHER_API_KEY"]) == (KEY, "k2")
    assert [each.name for each in path.parent.iterdir()] == ["keys"]


def test_without_a_home_there_is_no_key_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duragent.system.keys.own_homes", lambda environ: ())
    assert key_folder({}) is None
    assert Keys({}).stored == {}
    with pytest.raises(InvalidFile, match="set HOME"):
        store_key({}, NAME, KEY)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("A=b", {"A": "b"}),
        ("  export A = b  ", {"A": "b"}),
        ('A="b c" # why', {"A": "b c"}),
        ("A='b#c'", {"A": "b#c"}),
        ("A=b#c", {"A": "b#c"}),
        ("A=b # why", {"A": "b"}),
        ("A=", {"A": ""}),
        ("A=#x", {"A": ""}),
        ("# A=b", {}),
        ("A", {}),
        ("1A=b", {}),
        ("A=$B", {"A": "$B"}),
    ],
)
def test_a_line_of_an_env_file(line: str, found: dict[str, str]) -> None:
    assert parse_env(line) == found

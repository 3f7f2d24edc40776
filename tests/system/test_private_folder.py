"""Where tokens rest: nothing that another user could reach is believed."""

import os
import stat
from pathlib import Path

import pytest

from duragent.errors import UnsafePrivateFolder
from duragent.server.announce import ServerFolder, take_server_folder
from duragent.system.private_folder import (
    lasting_places,
    make_place,
    opened,
    places,
    read_text,
    workspace_key,
    write_text,
)
from tests.support.stranger import NOBODY

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")


def taken(workspace: Path, environ: dict[str, str]) -> ServerFolder:
    folder = take_server_folder(workspace, environ)
    assert folder is not None
    return folder


def test_the_runtime_folder_comes_first_and_the_state_folder_where_there_is_none(environ: dict[str, str]) -> None:
    run, state = Path(environ["XDG_RUNTIME_DIR"]), Path(environ["XDG_STATE_HOME"])
    assert places(environ)[0] == run / "duragent"
    assert lasting_places(environ)[0] == state / "duragent"
    folder = taken(state, environ)
    assert folder.path.parent == run / "duragent"
    assert stat.S_IMODE(folder.path.parent.stat().st_mode) == stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.close()
    # Open to others, it is not what the specification says it must be.
    run.chmod(0o755)
    folder = taken(state, environ)
    assert folder.path.parent == state / "duragent"
    folder.close()


def test_relative_variables_are_ignored() -> None:
    assert not [path for path in places({"XDG_RUNTIME_DIR": "x", "XDG_STATE_HOME": "y"}) if not path.is_absolute()]


def test_another_place_that_others_made_or_that_cannot_be_looked_at_stops_no_server(environ: dict[str, str]) -> None:
    # Any user can make /dev/shm/duragent-UID; under sudo HOME may be a folder that this user cannot enter.
    foreign = Path(environ["XDG_STATE_HOME"], "duragent")
    foreign.mkdir()
    foreign.chmod(0o777)
    (foreign / ("a" * 20)).mkdir(mode=0o777)
    too_long = environ | {"HOME": f"/{'x' * 300}"}
    folder = taken(Path(environ["HOME"]), too_long)
    assert folder.path.parent == places(environ)[0]
    assert [each.name for each in foreign.iterdir()] == ["a" * 20]
    folder.close()


@pytest.mark.parametrize("mode", [0o701, 0o704, 0o710, 0o720, 0o740, 0o770, 0o777])
def test_a_folder_that_others_may_enter_is_refused(environ: dict[str, str], mode: int) -> None:
    place = places(environ)[0]
    assert make_place(place, environ)
    place.chmod(mode)
    with pytest.raises(UnsafePrivateFolder, match="other users may reach it"):
        take_server_folder(place, environ)


def test_a_link_is_refused_wherever_it_leads(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o700)
    places(environ)[0].symlink_to(tmp_path / "mine")
    with pytest.raises(UnsafePrivateFolder, match="symbolic link"):
        take_server_folder(tmp_path, environ)
    assert list((tmp_path / "mine").iterdir()) == []


@as_root
def test_the_folder_of_another_user_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    place = places(environ)[0]
    place.mkdir(mode=0o700)
    os.chown(place, NOBODY, NOBODY)
    with pytest.raises(UnsafePrivateFolder, match=f"belongs to another user \\(uid {NOBODY}\\)"):
        take_server_folder(tmp_path, environ)


def test_files_that_others_may_read_links_and_pipes_are_refused(environ: dict[str, str]) -> None:
    place = places(environ)[0]
    assert make_place(place, environ)
    with opened(place) as folder:
        write_text(folder, "token", "secret")
        assert stat.S_IMODE((place / "token").stat().st_mode) == 0o600
        assert read_text(folder, "token") == "secret"
        (place / "token").chmod(0o640)
        (place / "link").symlink_to("/etc/hostname")
        os.mkfifo(place / "pipe", 0o600)
        for name in ("token", "link", "pipe"):
            with pytest.raises(UnsafePrivateFolder):
                read_text(folder, name)


def test_what_servers_that_are_gone_left_is_swept_and_what_lives_is_not(
    environ: dict[str, str], tmp_path: Path
) -> None:
    living = taken(tmp_path / "a", environ)
    living.write("token", "a")
    left = living.path.with_name(workspace_key("f" * 64))
    left.mkdir(mode=0o700)
    (left / "token").write_text("of a server that was killed")
    other = taken(tmp_path / "b", environ)
    assert (left.exists(), (living.path / "token").read_text()) == (False, "a")
    for folder in (living, other):
        folder.close()
    # The folder itself stays: a sandbox covers it, and would lose its cover.
    assert list(places(environ)[0].iterdir()) == []

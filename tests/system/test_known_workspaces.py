"""What is hidden of other workspaces of this user: it is bounded, and odd files harm nothing."""

import errno
import os
from pathlib import Path

import pytest

from duragent.system import known_workspaces, private_folder
from duragent.system.known_workspaces import MOST, KnownWorkspace, hidden_everywhere, not_around, remember
from duragent.system.private_folder import lasting_places, workspace_key


def known(tmp_path: Path, number: int) -> KnownWorkspace:
    workspace = tmp_path / f"w{number}"
    workspace.mkdir(exist_ok=True)
    return KnownWorkspace(workspace=str(workspace), hidden=(str(workspace / "run"), str(workspace / "sessions")))


def hidden_in(tmp_path: Path, environ: dict[str, str]) -> list[Path]:
    """What is hidden of this test's workspaces: the machine may have others."""
    return [path for path in hidden_everywhere(environ) if path.is_relative_to(tmp_path)]


def test_known_workspaces_are_bounded_and_those_that_are_gone_are_forgotten(
    environ: dict[str, str], tmp_path: Path
) -> None:
    for number in range(MOST + 5):
        assert remember(workspace_key(f"{number:064x}"[::-1]), known(tmp_path, number), environ)
    assert len(hidden_in(tmp_path, environ)) == 2 * MOST
    assert tmp_path / f"w{MOST + 4}" / "sessions" in hidden_in(tmp_path, environ)
    for number in range(1, MOST + 5):
        (tmp_path / f"w{number}").rmdir()
    assert remember(workspace_key("a" * 64), known(tmp_path, 0), environ)
    assert hidden_in(tmp_path, environ) == [tmp_path / "w0/run", tmp_path / "w0/sessions"]


def test_the_files_are_read_again_only_when_one_came_or_went(environ: dict[str, str], tmp_path: Path) -> None:
    assert remember("0" * 20, known(tmp_path, 0), environ)
    assert hidden_in(tmp_path, environ) == [tmp_path / "w0/run", tmp_path / "w0/sessions"]
    # Just now changed, so not yet relied on.
    assert remember("1" * 20, known(tmp_path, 1), environ)
    assert len(hidden_in(tmp_path, environ)) == 4
    folder = lasting_places(environ)[0] / "known"
    os.utime(folder, (1_000_000_000, 1_000_000_000))
    assert len(hidden_in(tmp_path, environ)) == 4
    (folder / ("1" * 20)).write_text("{}")
    assert len(hidden_in(tmp_path, environ)) == 4
    assert remember("2" * 20, known(tmp_path, 2), environ)
    assert hidden_in(tmp_path, environ) == [
        tmp_path / each for each in ("w0/run", "w0/sessions", "w2/run", "w2/sessions")
    ]
    os.unlink(folder / ("0" * 20))
    assert hidden_in(tmp_path, environ) == [tmp_path / "w2/run", tmp_path / "w2/sessions"]


def test_a_file_that_could_not_be_read_is_read_the_next_time(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptor was free, say: nothing must stay visible for it."""
    for number in range(2):
        assert remember(str(number) * 20, known(tmp_path, number), environ)
    folder = lasting_places(environ)[0] / "known"
    os.utime(folder, (1_000_000_000, 1_000_000_000))

    def read_text(folder: int, name: str) -> str:
        if name.startswith("1"):
            raise OSError(errno.EMFILE, "Too many open files")
        return private_folder.read_text(folder, name)

    with monkeypatch.context() as patch:
        patch.setattr(known_workspaces, "read_text", read_text)
        assert hidden_in(tmp_path, environ) == [tmp_path / "w0/run", tmp_path / "w0/sessions"]
    assert len(hidden_in(tmp_path, environ)) == 4


def test_odd_files_among_the_known_hide_nothing_and_harm_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    assert remember("0" * 20, known(tmp_path, 0), environ)
    folder = lasting_places(environ)[0] / "known"
    (folder / "odd").write_text("{")
    (folder / "deep").write_text("[" * 50_000)
    (folder / "relative").write_text('{"workspace": "/", "hidden": ["run"]}')
    os.mkfifo(folder / "pipe", 0o600)
    for path in folder.iterdir():
        path.chmod(0o600)
    assert hidden_in(tmp_path, environ) == [tmp_path / "w0/run", tmp_path / "w0/sessions"]


def test_a_workspace_cannot_hide_the_folder_in_which_another_one_works() -> None:
    hidden = (Path("/"), Path("/home/me"), Path("/home/me/other"), Path("/home/me/project/.duragent/run"))
    assert not_around(hidden, Path("/home/me/project")) == hidden[2:]

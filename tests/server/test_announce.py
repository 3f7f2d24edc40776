"""How commands find a running server: its folder, its secrets, its address."""

import json
import stat
from pathlib import Path

import pytest

from duragent.client.address import ADDRESS_FILE, KEY_FILE, TOKEN_FILE, read_announcement, workspace_hash
from duragent.errors import ServerStartFailed
from duragent.server.announce import announced, prepare_run_folder, take_presence, take_server_folder
from duragent.wire import ServerAddress


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of a user who has a private folder and nothing in it."""
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        (tmp_path / variable).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(tmp_path / variable))
    (tmp_path / "workspace").mkdir()
    return tmp_path / "workspace"


def address_in(workspace: Path) -> ServerAddress:
    return ServerAddress(
        host="127.0.0.1",
        port=8080,
        pid=1,
        started_at="2026-11-20T23:58:16.123Z",
        version="1",
        workspace_hash=workspace_hash(workspace),
    )


def test_secrets_are_in_a_folder_of_the_user_alone_and_gone_when_the_server_is(workspace: Path) -> None:
    presence = take_presence(workspace, None)
    assert presence.folder is not None
    folder = presence.folder.path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    shown = {path.name: (path.read_text().strip(), stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}
    assert shown == {KEY_FILE: (presence.key, 0o600), TOKEN_FILE: (presence.token, 0o600)}
    assert presence.token not in repr(presence)
    presence.close()
    assert not folder.exists()


def test_token_that_is_configured_is_not_written(workspace: Path) -> None:
    presence = take_presence(workspace, "configured")
    assert presence.folder is not None
    assert [path.name for path in presence.folder.path.iterdir()] == [KEY_FILE]
    assert presence.token == "configured"
    presence.close()


def test_each_start_has_a_new_token_and_a_new_key(workspace: Path) -> None:
    starts = []
    for _ in range(2):
        presence = take_presence(workspace, None)
        starts.append({presence.token, presence.key})
        presence.close()
    assert len(starts[0] | starts[1]) == 4


def test_folder_of_a_server_that_lives_is_its_own_and_that_of_a_dead_one_is_swept(workspace: Path) -> None:
    living = take_server_folder(workspace)
    assert living is not None
    living.write(TOKEN_FILE, "living")
    dead = living.path.with_name("0" * 20)
    dead.mkdir(mode=0o700)
    (dead / TOKEN_FILE).write_text("dead")
    other = take_server_folder(workspace.parent)
    assert other is not None
    assert (dead.exists(), (living.path / TOKEN_FILE).read_text()) == (False, "living")
    with pytest.raises(ServerStartFailed, match=f"another server for this workspace holds {living.path}"):
        take_server_folder(workspace, lock_seconds=0.05)
    for folder in (living, other):
        folder.close()


def test_address_is_told_in_both_places_while_the_server_runs(workspace: Path) -> None:
    prepare_run_folder(workspace)
    presence = take_presence(workspace, None)
    assert presence.folder is not None
    with announced(workspace, presence, address_in(workspace)):
        public = json.loads((workspace / "run" / ADDRESS_FILE).read_text())
        private = json.loads((presence.folder.path / ADDRESS_FILE).read_text())
        assert public == private
        assert public["private_folder"] == str(presence.folder.path)
        assert presence.token not in json.dumps(public)
        found = read_announcement(workspace)
        assert found is not None
        assert (found.token, found.key, found.address.port) == (presence.token, presence.key, 8080)
    assert (workspace / "run" / ADDRESS_FILE).exists() is False
    assert read_announcement(workspace) is None
    presence.close()


def test_workspace_that_takes_no_file_is_announced_in_the_private_folder_alone(workspace: Path) -> None:
    (workspace / "run").write_text("in the way")
    presence = take_presence(workspace, None)
    with announced(workspace, presence, address_in(workspace)):
        found = read_announcement(workspace)
        assert found is not None
        assert found.token == presence.token
    presence.close()


def test_token_that_version_0_1_0_kept_in_the_workspace_is_removed(workspace: Path) -> None:
    (workspace / "run").mkdir()
    (workspace / "run" / TOKEN_FILE).write_text("old")
    prepare_run_folder(workspace)
    assert list((workspace / "run").iterdir()) == []

"""From a workspace to its server, which has to prove itself."""

import os
import shutil
from pathlib import Path

import pytest

from duragent.cli import main
from duragent.client.address import Endpoint, workspace_hash
from duragent.client.find import find_server
from duragent.errors import OlderServer, ServerUnreachable
from duragent.system.private_folder import places, workspace_key
from tests.client.fake_server import FakeServer, running, write_address


async def test_the_workspace_token_goes_to_the_server_of_the_workspace(tmp_path: Path) -> None:
    async with running(FakeServer(workspace_hash=workspace_hash(tmp_path))) as server:
        write_address(tmp_path, server)
        assert await find_server(tmp_path) == Endpoint(server.url, "workspace-token", local=True)
    assert all("authorization" not in asked.headers for asked in server.asked)


async def test_the_workspace_token_never_goes_to_another_workspaces_server(tmp_path: Path) -> None:
    async with running(FakeServer(workspace_hash="f" * 64)) as server:
        write_address(tmp_path, server, workspace_hash=workspace_hash(tmp_path))
        with pytest.raises(ServerUnreachable, match="another workspace"):
            await find_server(tmp_path)


async def test_a_server_of_version_0_1_0_is_told_and_asked_nothing(tmp_path: Path) -> None:
    """It says where it is in the workspace, and nowhere else."""
    async with running(FakeServer(workspace_hash=workspace_hash(tmp_path))) as server:
        write_address(tmp_path, server, version="0.1.0")
        shutil.rmtree(next(iter(places())) / workspace_key(workspace_hash(tmp_path)))
        with pytest.raises(OlderServer, match=rf"older duragent \(0.1.0\).*kill {os.getpid()}") as caught:
            await find_server(tmp_path)
    assert (server.asked, main.exit_code(caught.value)) == ([], 76)


async def test_a_broken_address_file_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "server.json").write_text("{")
    with pytest.raises(ServerUnreachable, match="no server is running"):
        await find_server(tmp_path)


async def test_address_file_that_is_a_named_pipe_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run" / "server.json")
    with pytest.raises(ServerUnreachable, match="no server is running"):
        await find_server(tmp_path)

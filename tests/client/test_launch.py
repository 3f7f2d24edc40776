"""A workspace's server is started when it is needed, and not otherwise."""

import os
from pathlib import Path

import pytest

from duragent.client.launch import LocalServer
from duragent.errors import ServerStartFailed, ServerUnreachable
from tests.client.fake_server import FakeServer, write_address


async def test_a_server_that_was_stopped_is_not_started_by_a_mere_watcher(tmp_path: Path) -> None:
    local = LocalServer(tmp_path, lambda: pytest.fail("started"), lambda _: None)
    with pytest.raises(ServerUnreachable):
        await local(wanted=False)


async def test_a_server_that_lives_but_does_not_answer_is_not_started_again(tmp_path: Path) -> None:
    write_address(tmp_path, FakeServer(url="http://127.0.0.1:9"))
    local = LocalServer(tmp_path, lambda: pytest.fail("started"), lambda _: None)
    with pytest.raises(ServerUnreachable):
        await local(wanted=True)


async def test_a_server_whose_log_cannot_be_written_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(ServerStartFailed, match=r"logs.*cannot be written"):
        await LocalServer(tmp_path, list, lambda _: None)(wanted=True)


async def test_log_that_is_a_named_pipe_does_not_keep_a_command_waiting(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    os.mkfifo(tmp_path / "logs" / "server.log")
    with pytest.raises(ServerStartFailed, match="No such option"):
        await LocalServer(tmp_path, lambda: ["--no-such-option"], lambda _: None)(wanted=True)

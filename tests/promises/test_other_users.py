"""Another user of the machine has the port, the hash and /proc: the token never reaches them."""

import asyncio
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from duragent.client.address import Endpoint, read_announcement, workspace_hash
from duragent.client.find import find_server
from duragent.errors import ServerUnreachable
from duragent.system.private_folder import opened, places, workspace_key, write_text
from tests.support import stranger
from tests.support.real_server import RealServer, make_workspace
from tests.support.until import until

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of another user")


@contextmanager
def a_stranger(port: int, record: Path, trick: str, argument: str) -> Iterator[int]:
    """Runs `stranger.py` while the block runs; gives the port that it listens on."""
    command = [sys.executable, stranger.__file__, str(port), str(record), trick, argument]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def duragent(*arguments: str) -> None:
    command = [sys.executable, "-m", "duragent", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


def proof_of(url: str) -> str:
    """What anybody can ask a server for."""
    asked = httpx.get(f"{url}/readyz", params={"challenge": secrets.token_hex(32)}, trust_env=False)
    answered: str = asked.json()["proof"]
    return answered


def folder_of(server: RealServer) -> Path:
    address = json.loads((server.workspace / "run/server.json").read_text())
    return Path(address["private_folder"])


def secrets_of(server: RealServer) -> list[bytes]:
    return [(folder_of(server) / name).read_bytes().strip() for name in ("token", "key")]


def nothing_told(record: Path, hidden: list[bytes]) -> None:
    received = record.read_bytes()
    assert b"authorization" not in received.lower()
    assert not [each for each in hidden if each in received]


@as_root
async def test_a_stranger_at_the_port_of_a_killed_server_is_told_nothing(server: RealServer, tmp_path: Path) -> None:
    server.start()
    address = json.loads((server.workspace / "run/server.json").read_text())
    hidden, digest = secrets_of(server), workspace_hash(server.workspace)
    proved = proof_of(f"http://127.0.0.1:{address['port']}")
    server.kill()
    record = tmp_path / "record"
    with a_stranger(address["port"], record, "replay", f"{digest}:{proved}"):
        with pytest.raises(ServerUnreachable, match="is gone"):
            await find_server(server.workspace)
        await asyncio.to_thread(duragent, "session", "list", "-w", str(server.workspace))
        # It started a server of its own, at another port, and asked that one.
        hidden += secrets_of(server)
        await asyncio.to_thread(duragent, "serve", "stop", "-w", str(server.workspace))
    nothing_told(record, hidden)


async def test_who_listens_where_a_living_server_should_must_prove_itself(server: RealServer, tmp_path: Path) -> None:
    """As above, but the process seems to live, and there is no Unix socket: the proof alone holds."""
    server.start()
    hidden, folder, digest = secrets_of(server), folder_of(server), workspace_hash(server.workspace)
    url = (await find_server(server.workspace)).url
    address = json.loads((folder / "server.json").read_text())
    (folder / "http.sock").unlink()
    arguments = {"hash": digest, "replay": f"{digest}:{proof_of(url)}", "redirect": url, "relay": url}
    for trick, argument in arguments.items():
        record = tmp_path / trick
        with a_stranger(0, record, trick, argument) as port, opened(folder) as descriptor:
            write_text(descriptor, "server.json", json.dumps(address | {"port": port}))
            with pytest.raises(ServerUnreachable) as caught:
                await find_server(server.workspace)
        assert ("does not prove" in caught.value.reason) == (trick != "redirect"), caught.value.reason
        assert b"GET /readyz?challenge=" in record.read_bytes()
        nothing_told(record, hidden)


async def test_the_real_server_proves_itself_over_both_sockets(server: RealServer) -> None:
    server.start()
    over_unix = await find_server(server.workspace)
    assert over_unix.socket == folder_of(server) / "http.sock"
    over_unix.socket.unlink()
    over_tcp = await find_server(server.workspace)
    assert (over_tcp.socket, over_tcp.token) == (None, over_unix.token)


async def test_after_kill_9_the_old_address_is_not_trusted_and_the_next_start_has_a_new_token(
    server: RealServer,
) -> None:
    server.start()
    old = await find_server(server.workspace)
    server.kill()
    with pytest.raises(ServerUnreachable, match="is gone"):
        await find_server(server.workspace)
    server.start()
    new = await find_server(server.workspace)
    assert new.token != old.token
    async with httpx.AsyncClient(trust_env=False) as http:
        shown = [{"Authorization": f"Bearer {token}"} for token in (old.token, new.token)]
        listed = [await http.get(f"{new.url}/api/v1/sessions", headers=headers) for headers in shown]
    assert [each.status_code for each in listed] == [401, 200]


async def test_a_server_whose_private_folder_was_removed_is_found_again(server: RealServer) -> None:
    """As systemd does it when the user has logged out, and the server goes on in the background."""
    server.start()
    before = await find_server(server.workspace)
    shutil.rmtree(folder_of(server))

    async def found() -> Endpoint | None:
        with suppress(ServerUnreachable):
            return await find_server(server.workspace)
        return None

    after = await until(found)
    assert after is not None
    assert (after.url, after.token, after.socket) == (before.url, before.token, None)
    server.terminate()
    assert not folder_of_workspace(server).exists()


def folder_of_workspace(server: RealServer) -> Path:
    return places()[0] / workspace_key(workspace_hash(server.workspace))


def test_nothing_of_servers_that_are_gone_stays_in_the_private_folder(server: RealServer, tmp_path: Path) -> None:
    server.start()
    killed = folder_of(server)
    server.kill()
    assert killed.exists()
    (tmp_path / "other").mkdir()
    other = make_workspace(tmp_path / "other")
    other.start()
    stopped = folder_of(other)
    assert (killed.exists(), stopped.exists()) == (False, True)
    other.terminate()
    assert not stopped.exists()


@as_root
def test_the_kernel_says_who_comes_over_the_unix_socket(server: RealServer, tmp_path: Path) -> None:
    """All modes were opened: the server still hangs up on other users."""
    server.start()
    folder = folder_of(server)
    paths = (folder / "http.sock", folder, *folder.parents)
    modes = [(path, path.stat().st_mode) for path in paths if path not in (Path("/"), Path("/tmp"))]
    script = (
        "import os, socket, sys\n"
        "if sys.argv[2]: os.setuid(int(sys.argv[2]))\n"
        "client = socket.socket(socket.AF_UNIX); client.connect(sys.argv[1])\n"
        "try:\n"
        "    client.sendall(b'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n')\n"
        "    print(client.recv(100)[:15])\n"
        "except ConnectionError: print(b'')\n"
    )
    try:
        for path, _ in modes:
            path.chmod(0o777)
        said = [
            subprocess.run([sys.executable, "-c", script, str(paths[0]), uid], capture_output=True, timeout=60).stdout
            for uid in (str(stranger.NOBODY), "")
        ]
    finally:
        for path, mode in modes:
            path.chmod(mode)
    assert said == [b"b''\n", b"b'HTTP/1.1 200 OK'\n"]


@as_root
async def test_a_socket_on_which_another_user_listens_is_told_nothing(server: RealServer, tmp_path: Path) -> None:
    server.start()
    hidden, folder, record = secrets_of(server), folder_of(server), tmp_path / "record"
    evil = tmp_path / "evil.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(evil))
    pid = os.fork()
    if pid == 0:
        try:
            with record.open("wb") as file:
                os.setuid(stranger.NOBODY)
                # The kernel keeps who called listen(2) (unix(7), SO_PEERCRED).
                listener.listen()
                connection, _ = listener.accept()
                file.write(received := connection.recv(1 << 16))
                file.flush()
                connection.sendall(stranger.answer("hash", workspace_hash(server.workspace), received))
        finally:
            os._exit(0)
    evil.chmod(0o600)
    (folder / "http.sock").unlink()
    evil.rename(folder / "http.sock")
    await until(record.exists)
    with pytest.raises(ServerUnreachable, match="a process of another user"):
        await find_server(server.workspace)
    os.kill(pid, 9)
    await asyncio.to_thread(os.waitpid, pid, 0)
    nothing_told(record, hidden)


async def test_a_private_folder_that_others_could_reach_is_not_believed(server: RealServer) -> None:
    server.start()
    folder = folder_of(server)
    folder.chmod(0o750)
    with pytest.raises(ServerUnreachable, match="other users may reach it"):
        await find_server(server.workspace)
    assert read_announcement(server.workspace) is not None
    folder.chmod(0o700)
    (folder / "key").chmod(0o640)
    with pytest.raises(ServerUnreachable, match="other users may reach it"):
        await find_server(server.workspace)
    (folder / "key").chmod(0o600)
    folder.rename(folder.with_name("away"))
    folder.symlink_to(folder.with_name("away"))
    with pytest.raises(ServerUnreachable, match="symbolic link"):
        await find_server(server.workspace)
    folder.unlink()
    folder.with_name("away").rename(folder)
    assert (await find_server(server.workspace)).token

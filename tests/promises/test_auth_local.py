"""`server.auth: local`: this user's own programs need no token, and no other program gets in."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from duragent.client.find import find_server
from duragent.sandboxes.base import Command, Confinement
from duragent.sandboxes.bubblewrap import Bubblewrap
from tests.support.machine import needs_bubblewrap
from tests.support.real_server import RealServer, make_workspace
from tests.support.stranger import NOBODY

ASK = """
import encodings.idna, http.client, os, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
connection.connect()
if sys.argv[2]: os.setuid(int(sys.argv[2]))
connection.request("GET", "/api/v1/sessions")
print(connection.getresponse().status)
"""
AS_NOBODY = ASK.replace("connection.connect()\n", "")
IN_BASH = """
exec 3<>/dev/tcp/127.0.0.1/$0
printf 'GET /api/v1/sessions HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3
head -n 1 <&3
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    server = make_workspace(tmp_path_factory.mktemp("local"), config={"server": {"auth": "local"}})
    server.start()
    yield server
    server.stop()


def port_of(server: RealServer) -> int:
    port: int = json.loads((server.workspace / "run/server.json").read_text())["port"]
    return port


def said(argv: list[str], env: Mapping[str, str] | None = None) -> str:
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=env)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


async def test_own_programs_need_no_token_and_browsers_are_kept_out(local: RealServer) -> None:
    url = f"http://127.0.0.1:{port_of(local)}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        made = await http.post("/api/v1/sessions", json={"agent": "assistant"})
        assert made.status_code == 201, made.text
        assert (await http.post("/api/admin/v1/reload-agents")).status_code == 200
        for headers, status in (
            ({"Authorization": "Bearer wrong"}, 401),
            ({"Origin": "https://evil.example"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Host": "evil.example"}, 403),
        ):
            assert (await http.get("/api/v1/sessions", headers=headers)).status_code == status
    assert await asyncio.to_thread(said, [sys.executable, "-c", ASK, str(port_of(local)), ""]) == "200"
    endpoint = await find_server(local.workspace)
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(endpoint.socket))) as http:
        assert (await http.get("http://localhost/api/v1/sessions")).status_code == 200


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of another user")
def test_another_user_needs_the_token_also_with_a_connection_of_ours(local: RealServer) -> None:
    port = str(port_of(local))
    assert said([sys.executable, "-c", AS_NOBODY, port, str(NOBODY)]) == "401"
    # The socket is ours, the process that holds it is not any more.
    assert said([sys.executable, "-c", ASK, port, str(NOBODY)]) == "401"


@needs_bubblewrap
def test_a_command_in_the_sandbox_needs_the_token_though_it_is_of_the_same_user(
    local: RealServer, tmp_path: Path
) -> None:
    command = Command(("/bin/bash", "-c", IN_BASH, str(port_of(local))), tmp_path, {"PATH": os.environ["PATH"]})
    confined = Bubblewrap().wrap(command, Confinement(writable=(tmp_path,), network=True))
    assert said(list(command.argv), command.env) == "HTTP/1.1 200 OK"
    assert said(list(confined.argv), confined.env) == "HTTP/1.1 401 Unauthorized"

"""httpx as commands use it: quick to import, and without a proxy to this machine."""

import subprocess
import sys

import pytest

from duragent.http.library import httpx, local_transport
from tests.client.fake_server import FakeServer, running


def test_import_of_httpx_brings_no_terminal_program_along() -> None:
    code = "import duragent.http.library, sys; print(sorted({'rich', 'click', 'pygments'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


async def test_server_on_this_machine_is_reached_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    async with running(FakeServer()) as server, httpx.AsyncClient(transport=local_transport()) as http:
        assert (await http.get(f"{server.url}/readyz")).status_code == 200

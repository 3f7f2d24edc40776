"""Where a server is, and which tokens it may be shown."""

from pathlib import Path

import pytest

from duragent.client.address import Endpoint, endpoint_of_url, local_url, url_here
from duragent.errors import InvalidRequest, ServerUnreachable
from duragent.wire import ServerAddress


@pytest.mark.parametrize("host", ["10.0.0.1", "example.com", "169.254.169.254"])
def test_the_workspace_token_never_leaves_this_machine(host: str) -> None:
    address = ServerAddress(host=host, port=80, pid=1, started_at="", version="", workspace_hash="")
    with pytest.raises(ServerUnreachable, match="loopback"):
        local_url(address)


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:8"), ("::1", "http://[::1]:8")])
def test_a_server_that_listens_on_this_machine_has_a_local_url(host: str, url: str) -> None:
    assert url_here(host, 8) == url
    assert local_url(ServerAddress(host=host, port=8, pid=1, started_at="", version="", workspace_hash="")) == url


def test_a_url_gets_its_token_from_the_environment_or_a_file_only(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("of-file\n")
    assert endpoint_of_url("http://example.com/", None, {}) == Endpoint("http://example.com", None, named=True)
    assert endpoint_of_url("https://example.com", None, {"DURAGENT_TOKEN": "x"}).token == "x"
    assert endpoint_of_url("https://example.com", file, {"DURAGENT_TOKEN": "x"}).token == "of-file"
    here = Endpoint("http://localhost:8080", None, local=True, named=True)
    assert endpoint_of_url("localhost:8080", None, {}) == here
    with pytest.raises(InvalidRequest):
        endpoint_of_url("ftp://example.com", None, {})

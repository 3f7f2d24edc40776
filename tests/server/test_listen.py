"""The sockets that a server listens on."""

import socket
import stat
from pathlib import Path

import pytest

from duragent.errors import ServerStartFailed
from duragent.server.listen import listen, listen_all, listen_unix
from duragent.server.settings import ServerSettings


def test_port_that_was_named_and_is_taken_is_an_error_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerStartFailed) as caught:
            listen(ServerSettings(port=port))
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use "
        "(another program listens there: choose another `server.port`, or --port 0)"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_port_0_is_any_free_one_on_the_host_that_is_configured(host: str) -> None:
    with listen(ServerSettings(host=host, port=0)) as listener:
        address, port = listener.getsockname()
        with socket.create_connection((address, port)) as client:
            assert client.getpeername() == (address, port)
    assert (address == "127.0.0.2", port > 0) == (host == "127.0.0.2", True)


def test_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(ServerStartFailed, match=r"cannot listen on 192\.0\.2\.1:0: "):
        listen(ServerSettings(host="192.0.2.1", port=0, api_token="x"))


def test_unix_socket_is_its_owners_alone_from_its_first_moment(tmp_path: Path) -> None:
    listener = listen_unix(tmp_path / "s")
    assert listener is not None
    with listener, socket.socket(socket.AF_UNIX) as client:
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
        client.connect(str(tmp_path / "s"))


@pytest.mark.parametrize("name", ["x" * 200, "missing/folder/s"])
def test_where_there_can_be_no_unix_socket_there_is_tcp_alone(tmp_path: Path, name: str) -> None:
    [only] = listen_all(ServerSettings(port=0), tmp_path / name)
    with only:
        assert only.family == socket.AF_INET

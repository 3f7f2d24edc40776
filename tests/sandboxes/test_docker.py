"""docker's command line as docker's own client understands it: an engine of ours writes down what it is asked for."""

import http.server
import json
import os
import shutil
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from duragent.sandboxes.base import Command, CommandLimits, Confinement
from duragent.sandboxes.docker import LABEL, Docker, explain, label_of
from duragent.testing.sandbox_contract import CONFINEMENTS, PROMISES, Promise, odd_folder, run
from tests.support.machine import DOCKER_IMAGE, needs_docker

needs_client = pytest.mark.skipif(shutil.which("docker") is None, reason="docker's client is not installed")


@contextmanager
def engine(folder: Path) -> Iterator[tuple[dict[str, str], list[dict[str, Any]]]]:
    """An engine that refuses every container: the environment to reach it, and the containers that were asked for."""
    asked: list[dict[str, Any]] = []

    class Engine(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, b"OK")

        def do_HEAD(self) -> None:
            self._answer(200, b"")

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer(400, b'{"message": "written down"}')

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Api-Version", "1.45")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def address_string(self) -> str:
            return "client"

        def log_message(self, *_: object) -> None: ...

    with socketserver.UnixStreamServer(str(folder / "sock"), Engine) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_HOST": f"unix://{folder}/sock"}
        yield environ | {"SERVER_API_KEY": "sk-server"}, asked
        server.shutdown()


def asked_for(folder: Path, command: Command, within: Confinement) -> dict[str, Any]:
    with engine(folder) as (environ, asked):
        ran = run(Docker("debian:12", environ).wrap(command, within))
    assert (ran.code, b"written down" in ran.stderr) == (125, True)
    assert len(asked) == 1
    return asked[0]


@needs_client
def test_docker_is_asked_for_a_confined_container(tmp_path: Path) -> None:
    env = {"PATH": "/host/bin", "HOME": "/home/me", "LANG": "C", "PASSED": "a b\nc", "JAVA_HOME": "/host/java"}
    with odd_folder() as folder:
        command = Command(("--odd", "-c", "a\nb", ""), folder, env)
        asked = asked_for(tmp_path, command, Confinement((folder,)))
    assert (asked["Image"], asked["Cmd"], asked["Entrypoint"]) == ("debian:12", ["--odd", "-c", "a\nb", ""], [""])
    assert asked["WorkingDir"] == str(folder)
    assert asked["User"] == f"{os.getuid()}:{os.getgid()}"
    assert sorted(asked["Env"]) == ["LANG=C", "PASSED=a b\nc"]
    assert asked["Labels"] == {LABEL: label_of(command)}
    assert (asked["OpenStdin"], asked["Tty"]) == (True, False)
    host = asked["HostConfig"]
    assert (host["AutoRemove"], host["Init"], host["NetworkMode"]) == (True, True, "none")
    assert (host["CapDrop"], host["SecurityOpt"], host["Privileged"]) == (["ALL"], ["no-new-privileges"], False)
    assert host["LogConfig"]["Type"] == "none"
    assert host["Mounts"] == [{"Type": "bind", "Source": str(folder), "Target": str(folder)}]


@needs_client
def test_docker_holds_the_limits_and_its_client_has_none(tmp_path: Path) -> None:
    limits = CommandLimits(100, 64 << 20, 1 << 20, 50, 9)
    command = Command(("true",), tmp_path, limits=limits)
    host = asked_for(tmp_path, command, Confinement((tmp_path,)))["HostConfig"]
    assert (host["PidsLimit"], host["Memory"], host["MemorySwap"]) == (100, 64 << 20, 64 << 20)
    assert {(each["Name"], each["Hard"], each["Soft"]) for each in host["Ulimits"]} == {
        ("fsize", 1 << 20, 1 << 20),
        ("nofile", 50, 50),
        ("cpu", 9, 9),
    }
    assert Docker("debian:12").wrap(command, Confinement((tmp_path,))).limits == CommandLimits()
    unlimited = Docker("debian:12").wrap(Command(("true",), tmp_path), Confinement((tmp_path,)))
    assert not {"--pids-limit", "--memory", "--ulimit"} & set(unlimited.argv)


@needs_client
def test_docker_gets_mounts_from_the_outside_inwards(tmp_path: Path) -> None:
    with odd_folder() as folder:
        for name in ("a/kept", "keys"):
            (folder / name).mkdir(parents=True)
        for name in ("token", "outside"):
            (folder.parent / name).touch()
            (folder / name).touch()
        within = Confinement(
            (folder,), (folder / "a/kept",), (folder / "keys", folder / "token", folder.parent / "token"), True
        )
        asked = asked_for(tmp_path, Command(("true",), folder), within)["HostConfig"]
    bind, at = {"Type": "bind"}, str(folder)
    assert asked["NetworkMode"] == "bridge"
    assert asked["Mounts"] == [
        bind | {"Source": at, "Target": at},
        bind | {"Source": f"{at}/a", "Target": f"{at}/a"},
        {"Type": "tmpfs", "Target": f"{at}/keys", "TmpfsOptions": {"Mode": 0o555}},
        bind | {"Source": "/dev/null", "Target": f"{at}/token", "ReadOnly": True},
        bind | {"Source": f"{at}/a/kept", "Target": f"{at}/a/kept", "ReadOnly": True},
    ]


def test_values_of_variables_are_not_in_the_process_list(tmp_path: Path) -> None:
    environ = {"PATH": "/usr/bin", "DOCKER_HOST": "unix:///x", "API_KEY": "sk-server"}
    command = Command(("true",), tmp_path, {"PASSED": "a secret value", "DOCKER_HOST": "tcp://elsewhere"})
    wrapped = Docker("debian", environ).wrap(command, Confinement((tmp_path,)))
    assert not any("secret" in argument for argument in wrapped.argv)
    assert wrapped.env == {"PASSED": "a secret value", "PATH": "/usr/bin", "DOCKER_HOST": "unix:///x"}


def test_docker_says_where_commands_run() -> None:
    within = Confinement((Path("/home/me/project"), Path("/cache")))
    assert Docker("debian:12").describe(within) == "docker (debian:12), /home/me/project + /cache, network off"


@needs_client
def test_docker_without_an_engine_says_what_to_do(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/none"}
    assert Docker("debian", environ).problem() == (
        "docker's engine does not answer: start it: sudo systemctl start docker"
    )
    assert "sandbox.docker_image" in (Docker(None, environ).problem() or "")


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("docker: Error response from daemon: No such image: debian:12", "docker pull debian:12"),
        ("permission denied while trying to connect to the Docker daemon socket", "usermod -aG docker"),
        ("something else", "docker run --rm debian:12 true"),
    ],
)
def test_advice_fits_what_docker_says(said: str, advice: str) -> None:
    assert advice in str(explain(said, "debian:12"))


@needs_docker
@pytest.mark.parametrize("promise", [*PROMISES, *CONFINEMENTS])
def test_docker_keeps(promise: Promise) -> None:
    with odd_folder() as folder:
        promise(Docker(DOCKER_IMAGE), folder)

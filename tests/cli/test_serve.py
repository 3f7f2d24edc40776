"""`duragent serve`: a server runs, is asked about, stopped and missed."""

import json
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.cli.place import Place
from tests.support.until import until_sync


def test_the_server_can_be_asked_about_stopped_and_is_missed(place: Place) -> None:
    place.run("init", "--no-interactive")
    nothing = place.run("serve", "status")
    assert (nothing.returncode, "No server runs" in nothing.stdout) == (69, True)
    assert place.run("serve", "stop").returncode == 69
    without = place.run("serve", "status", "--pid")
    assert (without.returncode, without.stdout) == (69, "")
    place.run("session", "list")
    running = json.loads(place.run("serve", "status", "--json").stdout)
    assert Path(running["token_file"]).read_text() == place.run("serve", "token").stdout
    assert (running["running"], running["status"]) == (True, "ok")
    assert place.run("serve", "status", "--pid").stdout == f"{running['pid']}\n"
    announced = json.loads((place.folder / ".duragent/run/server.json").read_text())
    assert announced["url"] == running["url"] == f"http://127.0.0.1:{running['port']}"
    assert "Reloaded 1 agents" in place.run("serve", "reload-agents").stdout
    second = place.run("serve")
    assert second.returncode == 73
    assert str(running["pid"]) in second.stderr
    assert place.run("serve", "stop").stdout == "Stopped.\n"


def test_quiet_verbose_and_the_agents_of_a_server_that_is_named(place: Place) -> None:
    place.run("init", "--no-interactive")
    (place.folder / "duragent.yaml").write_text("server:\n  port: 0\n  api_token: long-enough-token\n")
    log = place.folder / ".duragent/logs/server.log"
    quiet = place.run("-q", "session", "list")
    assert (quiet.returncode, quiet.stderr, quiet.stdout.startswith("session\t")) == (0, "", True)
    assert (" INFO " in log.read_text(), " DEBUG " in log.read_text()) == (False, False)
    assert place.run("serve", "stop").returncode == 0
    assert "Started a server on" in place.run("--verbose", "session", "list").stderr
    assert " DEBUG GET /api/v1/sessions" in log.read_text()
    both = place.run("-v", "-q", "session", "list")
    assert (both.returncode, "give only one" in both.stderr) == (2, True)
    running = json.loads(place.run("serve", "status", "--json").stdout)
    named = ("--server", f"http://127.0.0.1:{running['port']}")
    assert place.run("agent", "list", *named).returncode == 77
    place.environ["DURAGENT_TOKEN"] = "long-enough-token"
    assert place.run("agent", "list", *named).stdout == place.run("agent", "list").stdout
    ours, theirs = [json.loads(place.run("agent", "list", "--json", *more).stdout) for more in ((), named)]
    # Only a server knows where agents work.
    only = ("folder", "sandbox")
    assert [{**agent, **dict.fromkeys(only, "")} for agent in theirs] == ours
    assert [agent["folder"] for agent in theirs] == [str(place.folder)]
    assert place.run("agent", "list", "--token-file", "x").returncode == 2


def test_a_server_whose_sandbox_must_hold_does_not_start_without_it(place: Place) -> None:
    place.run("init", "--no-interactive")
    (place.folder / "duragent.yaml").write_text("sandbox:\n  mode: docker\n")
    ran = place.run("serve")
    assert (ran.returncode, "docker_image" in ran.stderr) == (69, True)


def test_the_log_of_a_server_says_where_commands_run(place: Place) -> None:
    place.run("init", "--no-interactive")
    (place.folder / "duragent.yaml").write_text("sandbox:\n  mode: trust\n")
    place.run("session", "list")
    log = place.folder / ".duragent/logs/server.log"
    until_sync(lambda: "commands run in: no sandbox, as you" in log.read_text())
    assert place.run("serve", "stop").returncode == 0


def test_a_server_that_cannot_start_says_why(place: Place) -> None:
    place.run("init", "--no-interactive")
    (place.folder / "duragent.yaml").write_text("server:\n  host: 192.0.2.1\n  api_token: long-enough-token\n")
    ran = place.run("ask", "assistant", "hello")
    assert ran.returncode == 69
    assert "cannot listen on 192.0.2.1" in ran.stderr


def test_a_port_that_was_asked_for_and_is_taken_is_named_with_what_to_do(place: Place) -> None:
    place.run("init", "--no-interactive")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (place.folder / "duragent.yaml").write_text(f"server:\n  port: {port}\n")
        ran = place.run("ask", "assistant", "hello")
    assert ran.returncode == 69
    assert (
        f"cannot listen on 127.0.0.1:{port}: Address already in use "
        "(another program listens there: choose another `server.port`, or --port 0)"
    ) in ran.stderr


def test_the_log_says_why_a_server_is_not_on_its_usual_port(place: Place) -> None:
    with ExitStack() as taken:

        def take_port() -> bool:
            with suppress(OSError):
                taken.enter_context(socket.create_server(("127.0.0.1", 8080)))
                return True
            return False

        # Another test's server may have it for a moment. Any other program has it for good, which is as well.
        with suppress(AssertionError):
            until_sync(take_port, bound=30)
        place.run("ask", "assistant", "repeat hello")
    log = (place.folder / ".duragent/logs/server.log").read_text()
    assert "port 8080, the default, is taken by another program: taking any free one" in log

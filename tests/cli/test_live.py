"""The commands against a real server, as a person uses them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

import duragent
from duragent.agent.starter import PROVIDER_KEYS
from tests.support.bounds import LIMIT_SECONDS
from tests.support.terminal import Terminal

DURAGENT = [sys.executable, "-m", "duragent"]


class Place:
    """A folder to work in, and the environment of a machine without any model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = str(Path(duragent.__file__).parent.parent)
        hidden = (*PROVIDER_KEYS.values(), "DURAGENT_TOKEN", "NO_COLOR", "PAGER")
        self.environ = {name: value for name, value in os.environ.items() if name not in hidden}
        self.environ |= {"PYTHONPATH": root, "HOME": str(folder), "OLLAMA_HOST": "127.0.0.1:9"}

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*DURAGENT, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environ,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    def terminal(self, *arguments: str) -> Terminal:
        return Terminal([*DURAGENT, *arguments], self.folder, self.environ)

    def kill_server(self) -> None:
        address = json.loads((self.folder / ".duragent/run/server.json").read_text())
        os.kill(address["pid"], signal.SIGKILL)

    def until_a_partial_answer(self) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not any(path.stat().st_size for path in self.folder.glob(".duragent/sessions/*/partial.jsonl")):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("session", "list", "--json").stdout)
        return found

    def log(self, session_id: str) -> list[dict[str, Any]]:
        lines = (self.folder / ".duragent/sessions" / session_id / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.run("serve", "stop")


def test_a_stranger_chats_kills_the_server_in_an_answer_and_the_talk_goes_on(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect(r'No workspace here: made \.duragent/ with one agent, "assistant"\.')
        terminal.expect("using the offline demo model")
        terminal.expect(r"Started a server on 127\.0\.0\.1:\d+ \(stop it with `duragent serve stop`\)\.")
        terminal.expect(r"assistant · session_\w+…  ·  demo")
        terminal.type("hello\r")
        terminal.expect("> hello")
        terminal.expect("demo model")
        terminal.type("count to 80\r")
        terminal.expect(r"1\D+2\D+3\D+4\D+5")
        place.kill_server()
        terminal.expect("reconnecting")
        terminal.type("hello again\r")
        terminal.expect("The server was gone: started it again")
        terminal.expect("> hello again")
        terminal.expect("78 79 80")
        terminal.type("\x04")
        terminal.expect(r"Detached\. The session goes on: duragent attach session_\w+")
        assert terminal.end() == 0
    [session] = place.sessions()
    said = [record["text"] for record in place.log(session["session_id"]) if record["type"] == "message_received"]
    assert said == ["hello", "count to 80", "hello again"]


def test_ask_survives_the_death_of_the_server_in_the_middle(place: Place) -> None:
    command = [*DURAGENT, "ask", "assistant", "count to 80"]
    place.run("init", "--no-interactive")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=place.folder, env=place.environ) as asking:
        place.until_a_partial_answer()
        place.kill_server()
        out, _ = asking.communicate(timeout=LIMIT_SECONDS)
    assert (asking.returncode, out) == (0, " ".join(str(number) for number in range(1, 81)) + "\n")
    [session] = place.sessions()
    kinds = [record["type"] for record in place.log(session["session_id"])]
    assert (kinds.count("message_received"), kinds.count("model_replied")) == (1, 1)


def test_a_chat_ends_when_its_session_is_deleted(place: Place) -> None:
    with place.terminal("chat") as terminal:
        session_id = terminal.expect(r"session_\w+")
        terminal.expect("> ")
        assert place.run("session", "delete", session_id, "--yes").returncode == 0
        terminal.expect("was deleted")
        assert terminal.end() == 66


def test_init_asks_for_what_it_needs(place: Place) -> None:
    with place.terminal("init") as terminal:
        terminal.expect(r"Agent name \[assistant\]: ")
        terminal.type("writer\r")
        terminal.expect(r"LLM provider \(.*\) \[demo\]: ")
        terminal.type("anthropic\r")
        terminal.expect(r"Model name \[[\w.-]+\]: ")
        terminal.type("\r")
        terminal.expect("export ANTHROPIC_API_KEY=")
        terminal.expect("duragent chat -a writer")
        assert terminal.end() == 0
    assert place.run("agent", "check").stdout.startswith("ok     writer  anthropic/")


def test_two_terminals_on_one_session_see_each_others_messages(place: Place) -> None:
    with place.terminal("chat") as mine:
        session_id = mine.expect(r"session_\w+")
        mine.expect("Ctrl-D")
        with place.terminal("attach", session_id[:16], "--as", "Ada") as hers:
            hers.expect("Ctrl-D")
            hers.type("repeat good morning\r")
            mine.expect("Ada> repeat good morning")
            hers.expect("> repeat good morning")
            mine.expect("good morning     ")
            hers.expect("good morning     ")
            hers.type("/quit\r")
            assert hers.end() == 0
    with place.terminal("attach", session_id.removeprefix("session_")[:10]) as later:
        later.expect("Ada> repeat good morning")
        later.expect("good morning     ")


def test_the_server_of_an_open_chat_stops_at_once_when_it_is_told(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        stopped = place.run("serve", "stop")
        assert (stopped.returncode, stopped.stdout) == (0, "Stopped.\n")
        terminal.expect("reconnecting")
        terminal.type("/quit\r")
        assert terminal.end() == 0


def test_ctrl_c_stops_the_answer_and_then_says_how_to_leave(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.type("count to 100\r")
        terminal.expect(r"1\D+2\D+3\D+4")
        terminal.type("\x03")
        terminal.expect("not finished")
        terminal.expect("Stopped")
        terminal.type("\x03")
        terminal.expect("Ctrl-D leaves")
        terminal.type("/title Numbers\r")
        terminal.expect('is called "Numbers" now')
        terminal.type("/nonsense\r")
        terminal.expect("There is no /nonsense")
        terminal.type("/new\r")
        terminal.expect(r"assistant · session_\w+.*\n.*> ")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert sorted(session["title"] or "" for session in place.sessions()) == ["", "Numbers"]


def test_ask_prints_the_answer_and_nothing_else_on_stdout(place: Place) -> None:
    first = place.run("ask", "assistant", "what is 2+2?")
    assert (first.returncode, first.stdout) == (0, "2+2 = 4\n")
    assert "No workspace here" in first.stderr
    assert "Started a server" in first.stderr
    again = place.run("ask", "assistant", stdin="what is 3+3?")
    assert (again.returncode, again.stdout, again.stderr) == (0, "3+3 = 6\n", "")
    as_json = json.loads(place.run("ask", "assistant", "2+3", "--json").stdout)
    assert (as_json["content"], as_json["outcome"], as_json["error"]) == ("2+3 = 5", "completed", None)
    onward = place.run("ask", "assistant", "2+4", "--session", as_json["session_id"][:20])
    assert onward.stdout == "2+4 = 6\n"
    assert place.run("ask", "nobody", "2+2").returncode == 66
    assert place.run("ask", "assistant").returncode == 2


def test_chat_in_a_pipe_answers_each_line(place: Place) -> None:
    ran = place.run("chat", stdin="1+1\n\n2+2\n")
    assert (ran.returncode, ran.stdout) == (0, "1+1 = 2\n2+2 = 4\n")


def test_an_approval_outlives_the_terminal_and_the_server(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.type("run touch made\r")
        terminal.expect("● bash  touch made")
        terminal.expect("╔═ approval")
        terminal.expect(r"\[y\] once")
        terminal.type("\x04")
        terminal.expect("Detached")
        assert terminal.end() == 0
    place.kill_server()
    [asked] = json.loads(place.run("approvals", "--json").stdout)
    assert (asked["command"], (place.folder / "made").exists()) == ("touch made", False)
    ran = place.run("approve", asked["session_id"][:20], "--once")
    assert (ran.returncode, (place.folder / "made").exists()) == (0, True)
    assert place.run("approvals").stdout.count("\n") == 1
    log = place.run("session", "log", asked["session_id"]).stdout
    kinds = [line.split()[0] for line in log.splitlines() if line[:1].islower()]
    assert kinds == ["session", "message", "answer", "approval", "decision", "call", "result", "answer"]


def test_a_box_survives_the_death_of_the_server_and_its_key_wakes_another(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.type("run touch made\r")
        terminal.expect(r"\[y\] once")
        place.kill_server()
        terminal.expect("reconnecting")
        terminal.type("y")
        terminal.expect("started it again")
        terminal.expect("allowed it once")
        terminal.expect(r"exit 0 · [\d.]+ s")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert (place.folder / "made").exists()


def test_ask_fails_with_a_code_when_the_model_is_not_set_up(place: Place) -> None:
    place.run("init", "--no-interactive", "--provider", "openai", "--model", "gpt-5-mini")
    ran = place.run("ask", "assistant", "hello")
    assert (ran.returncode, ran.stdout) == (78, "")
    assert "OPENAI_API_KEY" in ran.stderr
    assert "duragent serve stop" in ran.stderr


def test_sessions_are_listed_shown_renamed_and_deleted(place: Place) -> None:
    session_id = json.loads(place.run("ask", "assistant", "2+2", "--json").stdout)["session_id"]
    prefix = session_id.removeprefix("session_")[:8]
    assert place.run("session", "rename", prefix, "Sums").stdout == f"{session_id}\tSums\n"
    header, row = place.run("session", "list").stdout.splitlines()
    assert header == "session\tagent\tstatus\tupdated\ttitle"
    assert row.split("\t")[:3] == [session_id, "assistant", "active"]
    assert json.loads(place.run("session", "show", prefix, "--json").stdout)["title"] == "Sums"
    assert "title\tSums\n" in place.run("session", "show", prefix).stdout
    with place.terminal("session", "delete", prefix) as terminal:
        terminal.expect("Delete session_")
        terminal.type("n\n")
        assert terminal.end() == 1
    unasked = place.run("session", "delete", prefix, stdin="y\n")
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert "--yes is needed" in unasked.stderr
    following = [*DURAGENT, "session", "log", "-f", "--all", session_id]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        following, text=True, cwd=place.folder, env=place.environ, stdout=pipe, stderr=pipe
    ) as follower:
        assert follower.stdout is not None
        for line in follower.stdout:
            if "Sums" in line:
                break
        assert place.run("session", "delete", prefix, "--yes").stdout == f"Deleted {session_id}\n"
        _, told = follower.communicate(timeout=LIMIT_SECONDS)
        assert (follower.returncode, told) == (66, f"duragent: session '{session_id}' was deleted\n")
    assert place.run("session", "show", prefix).returncode == 66


def test_a_log_is_read_without_a_server(place: Place) -> None:
    session_id = json.loads(place.run("ask", "assistant", "2+2", "--json").stdout)["session_id"]
    assert place.run("serve", "stop").stdout == "Stopped.\n"
    ran = place.run("session", "log", session_id[:16])
    assert ran.returncode == 0
    assert "\n    2+2 = 4\n" in ran.stdout
    records = [json.loads(line) for line in place.run("session", "log", session_id, "--json").stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert "model_replied" in [record["type"] for record in records]
    last = place.run("session", "log", session_id, "--json", "-n", "1").stdout.splitlines()
    assert [json.loads(line) for line in last] == records[-1:]
    log = place.folder / ".duragent/sessions" / session_id / "events.jsonl"
    log.write_bytes(log.read_bytes().replace(b"2+2 = 4", b"2+2 = 5"))
    damaged = place.run("session", "log", session_id)
    assert damaged.returncode == 65
    assert "damaged" in damaged.stderr
    assert "2+2" in damaged.stdout


def test_the_server_can_be_asked_about_stopped_and_is_missed(place: Place) -> None:
    place.run("init", "--no-interactive")
    nothing = place.run("serve", "status")
    assert (nothing.returncode, "No server runs" in nothing.stdout) == (69, True)
    assert place.run("serve", "stop").returncode == 69
    place.run("session", "list")
    running = json.loads(place.run("serve", "status", "--json").stdout)
    assert Path(running["token_file"]).read_text() == place.run("serve", "token").stdout
    assert (running["running"], running["status"]) == (True, "ok")
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
    assert place.run("agent", "list", "--json", *named).stdout == place.run("agent", "list", "--json").stdout
    assert place.run("agent", "list", "--token-file", "x").returncode == 2


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
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            # Another test's server may have it for a moment. Any other program has it for good, which is as well.
            with suppress(OSError):
                taken.enter_context(socket.create_server(("127.0.0.1", 8080)))
                break
            time.sleep(0.05)
        place.run("ask", "assistant", "hello")
    log = (place.folder / ".duragent/logs/server.log").read_text()
    assert "port 8080, the default, is taken by another program: taking any free one" in log


def test_a_workspace_without_an_agent_says_how_to_make_one(place: Place) -> None:
    (place.folder / ".duragent").mkdir()
    ran = place.run("chat")
    assert (ran.returncode, ran.stdout) == (66, "")
    assert "there are no agents yet" in ran.stderr
    assert "`duragent agent create NAME` makes one." in ran.stderr


def test_a_workspace_whose_only_agent_is_broken_says_what_is_wrong_with_it(place: Place) -> None:
    place.run("init", "--no-interactive", "--agent-name", "ada")
    (place.folder / ".duragent/agents/ada/agent.yaml").write_text("apiVersion: [")
    ran = place.run("chat")
    assert (ran.returncode, ran.stdout) == (65, "")
    assert "agent 'ada' cannot be used: " in ran.stderr


def test_a_status_that_does_not_exist_is_a_fault_of_the_command_line(place: Place) -> None:
    place.run("init", "--no-interactive")
    ran = place.run("session", "list", "--status", "runing")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "running" in ran.stderr


def test_a_wrong_token_is_exit_code_77(place: Place) -> None:
    place.run("ask", "assistant", "2+2")
    url = "http://127.0.0.1:{}".format(json.loads((place.folder / ".duragent/run/server.json").read_text())["port"])
    for arguments in (["session", "list"], ["ask", "assistant", "hello"]):
        ran = place.run(*arguments, "--server", url)
        assert ran.returncode == 77
        assert "DURAGENT_TOKEN" in ran.stderr
    (place.folder / "token").write_text(place.run("serve", "token").stdout)
    ran = place.run("session", "list", "--server", url, "--token-file", "token")
    assert ran.returncode == 0

"""`duragent doctor` on machines and workspaces that lack something."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import duragent as duragent_package
from duragent.agent.starter import PROVIDER_KEYS
from duragent.cli.doctor.doctor import _unwritable, free_space, lock_holder, programs, sandbox
from duragent.cli.doctor.finding import Diagnosis
from duragent.errors import UnsafeFileSystem
from duragent.sandboxes.choose import Fact
from duragent.stores.files.locks import WorkspaceLock
from tests.cli.commands import Command
from tests.support.bounds import LIMIT_SECONDS

AGENT = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\nspec:\n  model: {model}\n{rest}"


def write_agent(folder: Path, name: str, rest: str = "", model: str = "{provider: demo}") -> Path:
    home = folder / ".duragent/agents" / name
    home.mkdir(parents=True, exist_ok=True)
    (home / "agent.yaml").write_text(AGENT.format(name=name, model=model, rest=rest))
    return home


def findings(duragent: Command, *options: str) -> tuple[int, list[dict[str, str]]]:
    ran = duragent("doctor", "--json", *options)
    assert ran.err == ""
    found = json.loads(ran.out)
    assert found["ok"] == (ran.code == 0)
    return ran.code, found["findings"]


def of(section: str, found: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(each["status"], each["text"], each["hint"]) for each in found if each["section"] == section]


def test_what_was_not_looked_at_is_said(duragent: Command, folder: Path) -> None:
    code, found = findings(duragent, "-w", str(folder / "nope"))
    assert (code, of("sessions", found)) == (1, [])
    (folder / "duragent.yaml").write_text("nonsense: [")
    code, found = findings(duragent)
    said = [("note", "it was not looked at, nor were its server, sessions and agents", "")]
    assert (code, of("workspace", found), of("sessions", found)) == (1, said, [])


# --- the workspace --------------------------------------------------------------------------------------------------


def test_a_new_workspace_has_no_problem_and_each_line_says_how_it_is(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    before = sorted(folder.rglob("*"))
    ran = duragent("doctor")
    assert (ran.code, ran.err) == (0, "")
    sections = [line for line in ran.out.splitlines() if line and not line.startswith(" ")]
    assert sections[:-1] == ["duragent", "workspace", "server", "sessions", "sandbox", "programs", "agents"]
    assert f"  ok       {folder}/.duragent is there, and you may read and write it\n" in ran.out
    assert "  ok       none runs; a command that needs one starts it\n" in ran.out
    assert "  ok       assistant: demo/demo, 11 tools\n" in ran.out
    assert "problem" not in sections[-1]
    assert sorted(folder.rglob("*")) == before


def test_without_a_workspace_the_next_command_is_named(duragent: Command, folder: Path) -> None:
    code, found = findings(duragent)
    hint = "`duragent init` makes one; so does `duragent chat`"
    assert of("workspace", found) == [("warning", f"there is none in {folder} or above", hint)]
    assert (code, of("agents", found), len(of("programs", found))) == (0, [], 3)


def test_a_workspace_that_was_named_and_is_not_there_is_a_problem(duragent: Command, folder: Path) -> None:
    code, found = findings(duragent, "-w", "nowhere")
    hint = "`duragent init` makes a workspace"
    assert (code, of("workspace", found)) == (1, [("problem", f"{folder}/nowhere is not there", hint)])
    assert list(folder.iterdir()) == []


def test_a_fault_in_the_configuration_is_a_problem_and_the_machine_is_looked_at_all_the_same(
    duragent: Command, folder: Path
) -> None:
    (folder / "duragent.yaml").write_text("workspce: .duragent\n")
    code, found = findings(duragent)
    ((status, text, _),) = of("configuration", found)
    assert (code, status) == (1, "problem")
    assert "duragent.yaml:1: workspce" in text
    assert len(of("programs", found)) == 3


def test_keys_of_the_configuration_that_do_nothing_yet_are_told(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    (folder / "duragent.yaml").write_text("routes: []\n")
    code, found = findings(duragent)
    good, inactive = of("configuration", found)
    assert (code, good[0]) == (0, "ok")
    assert inactive[:2] == ("warning", "not active in this version: routes")


def test_short_tokens_are_a_warning_that_does_not_tell_them(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    settings = 'server: {api_token: "hunter2-hunter", admin_token: "0123456789abcdef"}\n'
    (folder / "duragent.yaml").write_text(settings)
    code, found = findings(duragent)
    hint = "`openssl rand -hex 16` makes a good one"
    assert (code, ("warning", "server.api_token has 14 characters: it can be guessed", hint)) == (
        0,
        of("configuration", found)[1],
    )
    assert "hunter" not in str(found)


@pytest.mark.parametrize("host", ["0.0.0.0", "example.org"])
def test_public_host_without_a_token_and_one_that_is_no_address_are_problems(
    duragent: Command, folder: Path, host: str
) -> None:
    duragent("init", "--no-interactive")
    (folder / "duragent.yaml").write_text(f"server: {{host: {host}}}\n")
    code, found = findings(duragent)
    ((status, text, _),) = of("configuration", found)
    assert (code, status) == (1, "problem")
    assert ("is needed, because other machines" in text) or ("must be an IP address or localhost" in text)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_workspace_that_may_not_be_used_is_a_problem(duragent: Command, folder: Path, mode: int) -> None:
    duragent("init", "--no-interactive")
    (folder / ".duragent").chmod(mode)
    code, found = findings(duragent)
    (folder / ".duragent").chmod(0o700)
    assert code == 1
    assert (
        "problem",
        f"you may not read and write {folder}/.duragent",
        f"`ls -ld {folder}/.duragent` shows whose it is",
    ) in of("workspace", found)


def test_a_workspace_that_is_mounted_read_only_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"you may not read and write {tmp_path}"
    assert _unwritable(tmp_path) == Diagnosis("workspace", "problem", text, f"`ls -ld {tmp_path}` shows whose it is")
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_flag=os.ST_RDONLY))
    text = f"{tmp_path} is on a file system that is mounted read-only: sessions can be read, and do not go on"
    assert _unwritable(tmp_path) == Diagnosis("workspace", "problem", text, "mount it read-write")


@pytest.mark.parametrize(("setting", "status", "code"), [("", "problem", 1), ("allow_network_fs: true", "warning", 0)])
def test_a_network_file_system_is_a_problem_until_it_is_allowed(
    duragent: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str, status: str, code: int
) -> None:
    def refuse(path: Path) -> None:
        raise UnsafeFileSystem(str(path), "nfs4")

    monkeypatch.setattr("duragent.stores.files.locks.refuse_network_file_system", refuse)
    duragent("init", "--no-interactive")
    (folder / "duragent.yaml").write_text(setting or "{}")
    found_code, found = findings(duragent)
    texts = {text: found_status for found_status, text, _ in of("workspace", found)}
    text = f"{folder}/.duragent is on nfs4, a network file system, where locks and fsync cannot be trusted"
    assert (found_code, texts[text]) == (code, status)


@pytest.mark.parametrize(("free", "status"), [(1 << 30, "ok"), ((1 << 30) - 1, "warning"), (0, "warning")])
def test_less_than_a_gibibyte_of_room_is_a_warning(free: int, status: str) -> None:
    assert [finding.status for finding in free_space(free)] == [status]


def test_lock_is_held_from_start_to_death_whatever_a_dead_server_left_in_it(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    assert lock_holder(path) is None
    lock = WorkspaceLock(path)
    lock.acquire("process 7 on here")
    assert lock_holder(path) == "process 7 on here"
    lock.release()
    assert lock_holder(path) is None
    path.write_text("process 7 on here\n")
    assert lock_holder(path) is None
    path.unlink()
    os.mkfifo(path)
    assert lock_holder(path) is None


# --- the machine ----------------------------------------------------------------------------------------------------


def test_programs_that_are_not_installed_are_notes_that_say_what_for(tmp_path: Path) -> None:
    found = list(programs(str(tmp_path)))
    assert [(finding.status, finding.text) for finding in found] == [
        ("note", "git is not installed"),
        ("note", "rg is not installed"),
        ("note", "docker is not installed"),
    ]
    assert all(finding.hint for finding in found)


BWRAP_LACKS = Fact("bubblewrap", False, "bwrap is not installed", "apt install bubblewrap")
DOCKER_LACKS = Fact("docker", False, "no image is named", "set it")
TRUST = Fact("trust", True, "commands run as they are")


def test_commands_without_a_sandbox_are_a_warning_and_one_that_is_required_and_lacking_a_problem() -> None:
    none = Fact("sandbox", True, "auto: no sandbox is used", "apt install bubblewrap")
    assert list(sandbox([BWRAP_LACKS, DOCKER_LACKS, TRUST, none])) == [
        Diagnosis("sandbox", "warning", "auto: no sandbox is used", "apt install bubblewrap"),
        Diagnosis("sandbox", "note", "bubblewrap: bwrap is not installed", "apt install bubblewrap"),
        Diagnosis("sandbox", "note", "docker: no image is named", "set it"),
    ]
    lacking = Fact("sandbox", False, "bubblewrap: bwrap is not installed", "apt install bubblewrap")
    assert next(sandbox([BWRAP_LACKS, TRUST, lacking])).status == "problem"
    works = [Fact("bubblewrap", True, "works here"), TRUST, Fact("sandbox", True, "auto: bubblewrap is used")]
    assert [(finding.status, finding.text) for finding in sandbox(works)] == [
        ("ok", "auto: bubblewrap is used"),
        ("ok", "bubblewrap works here"),
    ]


# --- agents ---------------------------------------------------------------------------------------------------------


def test_a_broken_agent_is_a_problem_with_its_reason(duragent: Command, folder: Path) -> None:
    write_agent(folder, "good")
    write_agent(folder, "bad", model="{providr: demo}")
    code, found = findings(duragent)
    broken, good = of("agents", found)
    assert (code, broken[0], good) == (1, "problem", ("ok", "good: demo/demo, 0 tools", ""))
    assert broken[1].startswith("bad cannot be used: ")
    assert "did you mean" in broken[1]
    assert "`duragent agent check bad`" in broken[2]


def test_no_agents_is_a_warning(duragent: Command, folder: Path) -> None:
    (folder / ".duragent").mkdir()
    code, found = findings(duragent)
    assert (code, [each[0] for each in of("agents", found)]) == (0, ["warning"])


def test_what_an_agent_lacks_is_told_by_how_much_it_matters(duragent: Command, folder: Path) -> None:
    rest = (
        "  tools: [{type: builtin, name: bsh}]\n  memory: {}\n  working_directory: work\n  sandbox: {require: docker}\n"
    )
    home = write_agent(folder, "ada", rest, "{provider: opnai, name: m}")
    (home / "policy.yaml").write_text("mode: perhaps\n")
    (home / "skills/notes").mkdir(parents=True)
    (home / "skills/notes/SKILL.md").write_text("no front matter\n")
    code, found = findings(duragent)
    told = of("agents", found)
    assert code == 1
    for (status, text, _), expected in zip(
        told,
        (
            ("problem", "ada: its policy is broken, so that all its tools are denied: ", "policy.yaml:1: mode"),
            ("problem", "ada: a tool is missing: ", "(did you mean 'bash'?)"),
            ("warning", "ada: left out: ", "has no front matter"),
            ("warning", "ada: provider 'opnai' is not one that duragent knows", "'openai'"),
            ("warning", "ada: not active in this version: ", "spec.memory"),
            ("problem", "ada: its working directory ", "/work is not there"),
            ("problem", "ada: it runs no command without docker: ", ""),
        ),
        strict=True,
    ):
        assert (status, text[: len(expected[1])]) == expected[:2]
        assert expected[2] in text
    assert told[5][2] == f"mkdir -p {folder / 'work'}"


def test_what_agents_have_in_common_is_told_once(duragent: Command, folder: Path) -> None:
    write_agent(folder, "ada")
    write_agent(folder, "bob")
    (folder / ".duragent/directives").mkdir()
    (folder / ".duragent/directives/lost.md").symlink_to("/nowhere")
    code, found = findings(duragent)
    ((status, text, _),) = of("agents", found)
    assert (code, status) == (0, "warning")
    assert text.startswith("ada, bob: left out: ")


def test_a_missing_key_is_a_problem_until_it_is_there(
    duragent: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_agent(folder, "ada", model="{provider: anthropic, name: m}")
    code, found = findings(duragent)
    ((status, text, hint),) = of("agents", found)
    assert (code, status, hint) == (1, "problem", "export ANTHROPIC_API_KEY=…")
    assert text == "ada: anthropic needs a key: set the environment variable ANTHROPIC_API_KEY"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-1")
    code, found = findings(duragent)
    assert (code, of("agents", found)) == (0, [("ok", "ada: anthropic/m, 0 tools", "")])
    assert "sk-secret-1" not in str(found)


# --- as a program, beside a server ----------------------------------------------------------------------------------


class Machine:
    """A folder with a workspace, and a server that may run there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace = folder, folder / ".duragent"
        root = str(Path(duragent_package.__file__).parent.parent)
        self.environ = {name: value for name, value in os.environ.items() if name not in PROVIDER_KEYS.values()}
        self.environ |= {"PYTHONPATH": root, "HOME": str(folder)}
        self.server: subprocess.Popen[str] | None = None

    def start(self) -> int:
        """The process id of a server that is ready."""
        command = [sys.executable, "-m", "duragent", "serve", "--port", "0"]
        self.server = subprocess.Popen(command, cwd=self.folder, env=self.environ, stderr=subprocess.PIPE, text=True)
        assert self.server.stderr is not None
        assert any("serving" in line for line in self.server.stderr)
        return self.server.pid

    def end(self) -> None:
        if self.server is not None:
            self.server.kill()
            self.server.communicate(timeout=LIMIT_SECONDS)

    def doctor(self) -> tuple[int, list[tuple[str, str, str]]]:
        ran = subprocess.run(
            [sys.executable, "-m", "duragent", "doctor", "--json"],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS,
        )  # fmt: skip
        assert ran.stderr == ""
        return ran.returncode, of("server", json.loads(ran.stdout)["findings"])


@pytest.fixture
def machine(folder: Path, duragent: Command) -> Iterator[Machine]:
    duragent("init", "--no-interactive")
    machine = Machine(folder)
    yield machine
    machine.end()


def test_a_server_is_seen_while_it_answers_while_it_hangs_and_after_it_was_killed(machine: Machine) -> None:
    pid = machine.start()
    code, (answers, holds) = machine.doctor()
    assert (code, answers[0], holds[0]) == (0, "ok", "ok")
    assert answers[1].startswith(f"the server (process {pid}), started ")
    assert answers[1].endswith(" on /livez and /readyz")
    assert holds[1].startswith(f"the workspace is held by process {pid} on ")

    os.kill(pid, signal.SIGSTOP)
    code, ((status, text, hint),) = machine.doctor()
    os.kill(pid, signal.SIGCONT)
    assert (code, status) == (1, "problem")
    assert f"the server (process {pid}) runs, and does not answer at http://127.0.0.1:" in text
    assert f"`kill {pid}`" in hint

    machine.end()
    code, ((status, text, hint),) = machine.doctor()
    assert (code, status) == (0, "warning")
    assert text == f"the server (process {pid}) ended in the middle of its work; nothing that it wrote is lost"
    assert "`duragent serve`" in hint


def test_a_server_of_another_version_and_one_of_another_workspace_are_told(machine: Machine, folder: Path) -> None:
    machine.start()
    address: dict[str, Any] = json.loads((machine.workspace / "run/server.json").read_text())
    (Path(address["private_folder"]) / "server.json").write_text(json.dumps(address | {"version": "0.0.1"}))
    code, told = machine.doctor()
    assert (code, told[-1][0]) == (0, "warning")
    assert told[-1][1].startswith("the server is version 0.0.1, this program ")

    other = Machine(folder / "other")
    (other.workspace / "run").mkdir(parents=True)
    (other.workspace / "run/server.json").write_text(json.dumps(address))
    code, ((status, text, _),) = other.doctor()
    assert (code, status) == (0, "warning")
    assert text.startswith("another workspace's server answers at http://127.0.0.1:")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process can be set on Linux only")
def test_a_server_whose_descriptors_are_nearly_used_up_is_a_problem(machine: Machine) -> None:
    pid = machine.start()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = len(os.listdir(f"/proc/{pid}/fd")) + 5
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
    code, told = machine.doctor()
    status, text, hint = told[-1]
    assert (code, status, hint) == (1, "problem", "`duragent serve status`")
    assert text.startswith("the server is not well: ")
    assert f" of {most} file descriptors are in use: " in text
    assert "`ulimit -n`" in text
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert {status for status, _, _ in machine.doctor()[1]} == {"ok"}


def test_doctor_imports_no_model_library(machine: Machine) -> None:
    write_agent(machine.folder, "ada", model="{provider: openai, name: gpt-5-mini}")
    code = (
        "import sys; from duragent.cli.main import run; code = run(['doctor', '--json']); "
        "print([name for name in ('litellm', 'openai', 'starlette', 'tree_sitter') if name in sys.modules], "
        "file=sys.stderr); sys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=machine.folder,
        env=machine.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr.strip()) == (1, "[]")

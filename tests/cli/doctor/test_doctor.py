"""`duragent doctor` on machines and workspaces that lack something."""

import subprocess
import sys
from pathlib import Path

import pytest

from duragent.cli.doctor.doctor import programs, sandbox
from duragent.cli.doctor.finding import Diagnosis
from duragent.sandboxes.choose import Fact
from tests.cli.commands import Command
from tests.cli.doctor.machine import Machine, findings, of, write_agent


def test_what_was_not_looked_at_is_said(duragent: Command, folder: Path) -> None:
    code, found = findings(duragent, "-w", str(folder / "nope"))
    assert (code, of("sessions", found)) == (1, [])
    (folder / "duragent.yaml").write_text("nonsense: [")
    code, found = findings(duragent)
    said = [("note", "it was not looked at, nor were its server, sessions and agents", "")]
    assert (code, of("workspace", found), of("sessions", found)) == (1, said, [])


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


def test_programs_that_are_not_installed_are_notes_that_say_what_for(tmp_path: Path) -> None:
    found = list(programs(str(tmp_path)))
    assert [(finding.status, finding.text.partition(":")[0]) for finding in found] == [
        ("note", "git is not installed, and need not be"),
        ("note", "rg is not installed, and need not be"),
        ("note", "docker is not installed, and need not be"),
    ]
    assert all(finding.text.partition(": ")[2] for finding in found)


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
    works = [
        Fact("bubblewrap", True, "works here"),
        DOCKER_LACKS,
        TRUST,
        Fact("sandbox", True, "auto: bubblewrap is used"),
    ]
    # Where all is well nothing reads as something to do.
    assert list(sandbox(works)) == [
        Diagnosis("sandbox", "ok", "auto: bubblewrap is used"),
        Diagnosis("sandbox", "ok", "bubblewrap works here"),
        Diagnosis("sandbox", "note", "docker: no image is named (not used, and not needed)"),
    ]


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

"""`duragent doctor` of the agents: what each one lacks."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.commands import Command
from tests.cli.doctor.machine import findings, of, write_agent


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
        "  tools: [{type: builtin, name: bsh}]\n  access: {}\n  working_directory: work\n  sandbox: {require: docker}\n"
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
            ("problem", "ada: there is no provider 'opnai'", "'openai'"),
            ("warning", "ada: not active in this version: ", "spec.access"),
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
    assert (code, status, hint) == (1, "problem", "duragent keys set anthropic")
    assert text.startswith("ada: anthropic needs a key: `duragent keys set anthropic`, or ANTHROPIC_API_KEY in ")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-1")
    code, found = findings(duragent)
    assert (code, of("agents", found)) == (0, [("ok", "ada: anthropic/m, 0 tools", "")])
    assert "sk-secret-1" not in str(found)


def test_files_with_keys_that_others_can_read_are_named(duragent: Command, folder: Path) -> None:
    write_agent(folder, "ada")
    (folder / "duragent.yaml").write_text("env_file: .env\n")
    (told,) = of("agents", findings(duragent)[1])[:-1]
    assert (told[0], "there is no such file" in told[1]) == ("problem", True)
    (folder / ".env").write_text("OPENAI_API_KEY=sk-secret-1\n")
    (folder / ".env").chmod(0o644)
    duragent("keys", "set", "groq", stdin=b"k")
    Path(os.environ["HOME"], ".local/state/duragent/keys").chmod(0o640)
    found = of("agents", findings(duragent)[1])[:-1]
    assert [status for status, _, _ in found] == ["problem", "warning"]
    assert "chmod go-rwx would close it" in found[0][1]
    assert found[1][2] == f"chmod 600 {folder / '.env'}"
    assert "sk-secret-1" not in str(found)


def test_notes_that_wait_are_counted_by_doctor_and_in_the_list_of_agents(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    agent = folder / ".duragent/agents/assistant"
    waiting = "".join(
        f"## 2026-11-2{n} 10:00\n\nfact {n}\n<!-- m_aaaaaaa{n} importance=0.50 trust=unreviewed -->\n\n" for n in (1, 2)
    )
    (agent / "memory").mkdir()
    (agent / "memory/unreviewed.md").write_text(waiting)
    # Without a memory nothing of it counts.
    text = (agent / "agent.yaml").read_text()
    assert "waits for you" not in duragent("agent", "list").err
    (agent / "agent.yaml").write_text(text.replace("  # memory: {}", "  memory: {}"))
    assert duragent("agent", "list").err == "2 notes wait for you: duragent memory review -a assistant\n"
    [listed] = json.loads(duragent("agent", "list", "--json").out)
    assert (listed["remembers"], listed["waiting_notes"]) == (True, 2)
    said = duragent("doctor").out
    assert "assistant: 2 notes wait for you" in said
    assert "duragent memory review -a assistant" in said
    (agent / "memory/unreviewed.md").write_bytes(b"\xff")
    (agent / "memory/unreviewed.md").chmod(0o644)
    assert "wait for you" not in duragent("agent", "list").err
    (agent / "memory/unreviewed.md").unlink()
    (agent / "memory/unreviewed.md").mkdir()
    assert duragent("agent", "list").code == 0


@pytest.mark.parametrize(
    ("sandbox", "rest", "is_told"),
    [
        ("{mode: trust}", "  memory: {}\n  tools: [{type: builtin, name: bash}]\n", True),
        ("{mode: trust}", "  memory: {}\n  tools: [{type: cli, name: ls, command: ls}]\n", True),
        ("{mode: trust}", "  memory: {}\n  tools: [{type: builtin, name: read_file}]\n", False),
        ("{mode: trust}", "  tools: [{type: builtin, name: bash}]\n", False),
        (
            "{mode: trust}",
            "  memory: {}\n  sandbox: {require: bubblewrap}\n  tools: [{type: builtin, name: bash}]\n",
            False,
        ),
        ("{mode: bubblewrap}", "  memory: {}\n  tools: [{type: builtin, name: bash}]\n", False),
    ],
)
def test_commands_that_no_sandbox_keeps_from_the_notes_are_told(
    duragent: Command, folder: Path, sandbox: str, rest: str, is_told: bool
) -> None:
    write_agent(folder, "ada", rest)
    (folder / "duragent.yaml").write_text(f"sandbox: {sandbox}\n")
    _, found = findings(duragent)
    told = [text for status, text, _ in of("agents", found) if status == "note"]
    assert [text.startswith("ada: no sandbox keeps commands away from the notes") for text in told] == [True] * is_told

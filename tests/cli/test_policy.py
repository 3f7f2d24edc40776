"""`duragent policy test`."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.system.known_workspaces import KnownWorkspace, remember
from duragent.system.private_folder import workspace_key
from tests.cli.commands import Command


def test_a_reading_command_is_allowed_and_the_rule_is_named(duragent: Command) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    ran = duragent("policy", "test", "assistant", "git status --short && ls")
    assert ran.code == 0
    assert ran.out.startswith("allow:")
    assert "git status" in ran.out


def test_what_nobody_allowed_is_asked_about_with_the_patterns_that_would_allow_it(duragent: Command) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    ran = duragent("policy", "test", "assistant", "rm -rf build && git status", "--json")
    answer = json.loads(ran.out)
    assert (ran.code, answer["verdict"], answer["mode"]) == (1, "ask", "ask")
    assert [part["verdict"] for part in answer["parts"]] == ["ask", "allow"]
    assert answer["allow_always"] == ["bash:rm -rf build"]


@pytest.fixture
def other_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Another project of this user, in which a server has run; its sessions rest in a folder with no telling name."""
    project = tmp_path_factory.mktemp("other").resolve()
    (project / "said").mkdir()
    (project / "said" / "log").write_text("a secret")
    known = KnownWorkspace(workspace=str(project), hidden=(str(project / "said"),))
    assert remember(workspace_key("7" * 64), known)
    yield project
    shutil.rmtree(project)


def test_what_belongs_to_another_workspace_is_denied_as_the_server_does(
    duragent: Command, other_workspace: Path
) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    ran = duragent("policy", "test", "assistant", f"cat {other_workspace}/said/log")
    assert ran.code == 1
    assert f"deny: {other_workspace}/said is private" in ran.out


@pytest.mark.parametrize(
    ("tool", "text", "answer", "rule"),
    [
        ("read_file", "a.txt", "allow", "builtin:read_file"),
        ("write_file", "a.txt", "ask", ""),
        ("web:search", "otters", "allow", "builtin:web:search"),
        ("web:fetch", "https://example.com/", "ask", ""),
        ("session:read", "s1", "allow", "builtin:session:read"),
        ("memory:recall", "", "allow", "builtin:memory:recall"),
        ("nonsense", "", "ask", ""),
    ],
)
def test_a_tool_is_judged_also_when_the_agent_has_it_not(
    duragent: Command, tool: str, text: str, answer: str, rule: str
) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    found = json.loads(duragent("policy", "test", "assistant", text, "--tool", tool, "--json").out)
    assert found["verdict"] == answer
    assert found["parts"][0]["reason"] == (f"allowed by built-in default: {rule}" if rule else "not in the allow list")


def test_an_unknown_agent_is_not_found(duragent: Command) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    assert duragent("policy", "test", "nobody", "ls").code == 66

"""`duragent agent`: agents are listed, made and checked from their files."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import TOOLS, Command


def test_agents_are_listed_with_the_broken_ones(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    bad = folder / ".duragent/agents/bad"
    bad.mkdir()
    (bad / "agent.yaml").write_text("apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata:\n  nam: bad\n")
    listed = duragent("agent", "list")
    assert listed.code == 0
    header, good, broken = listed.out.strip().split("\n")
    assert header == "name\tmodel\tdescription"
    assert good.split("\t")[:2] == ["assistant", "demo/demo"]
    assert broken.split("\t")[:2] == ["bad", "broken"]
    assert [agent["name"] for agent in json.loads(duragent("agent", "list", "--json").out)] == ["assistant", "bad"]


def test_check_names_file_line_and_field_and_exits_65(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    file = folder / ".duragent/agents/assistant/agent.yaml"
    file.write_text(file.read_text().replace("provider: demo", "providr: demo"))
    for which in ([], ["assistant"], [".duragent/agents/assistant"], [".duragent/agents/assistant/agent.yaml"]):
        ran = duragent("agent", "check", *which)
        assert ran.code == 65
        assert "agent.yaml:" in ran.out
        assert "spec.model" in ran.out
        assert "did you mean" in ran.out


def test_check_finds_an_agent_file_that_is_a_link_to_nowhere(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    (folder / ".duragent/agents/lost").mkdir()
    (folder / ".duragent/agents/lost/agent.yaml").symlink_to("nowhere")
    ran = duragent("agent", "check")
    assert (ran.code, "lost" in ran.out) == (65, True)


def test_check_says_what_is_not_active_yet(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    file = folder / ".duragent/agents/assistant/agent.yaml"
    file.write_text(file.read_text() + "  access: {}\n")
    ran = duragent("agent", "check", "assistant")
    assert ran.code == 0
    assert "not active yet: spec.access" in ran.out


@pytest.mark.parametrize("provider", ["ollama_chat", "groq", "hosted_vllm"])
def test_check_takes_every_provider_that_litellm_knows(duragent: Command, provider: str) -> None:
    duragent("init", "--no-interactive", "--provider", provider, "--model", "m")
    ran = duragent("agent", "check")
    assert (ran.code, ran.out) == (0, f"ok     assistant  {provider}/m, through litellm\n{TOOLS}")


@pytest.mark.parametrize(
    ("model", "code", "out"),
    [
        ("openai, name: m", 0, "ok     assistant  openai/m\n"),
        ("openai, name: m, adapter: direct", 0, "ok     assistant  openai/m, directly\n"),
        ("openai, name: m, adapter: litellm", 0, "ok     assistant  openai/m, through litellm\n"),
        ("groq, name: m, adapter: direct, base_url: http://h/v1", 0, "ok     assistant  groq/m, directly\n"),
        (
            "groq, name: m, adapter: direct",
            65,
            "fault  assistant  spec.model.provider: 'groq' is asked directly only at an address that speaks "
            "OpenAI's protocol: set `base_url`, or leave out `adapter: direct`\n       groq/m\n",
        ),
    ],
)
def test_check_says_how_the_model_is_asked(duragent: Command, folder: Path, model: str, code: int, out: str) -> None:
    duragent("init", "--no-interactive")
    (folder / ".duragent/agents/assistant/agent.yaml").write_text(
        "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: assistant}\nspec:\n"
        f"  model: {{provider: {model}}}\n"
    )
    ran = duragent("agent", "check")
    assert (ran.code, ran.out.replace("       tools: none\n", "")) == (code, out)


def test_check_finds_a_provider_that_there_is_not(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    file = folder / ".duragent/agents/assistant/agent.yaml"
    file.write_text(file.read_text().replace("provider: demo", "provider: opnai"))
    ran = duragent("agent", "check")
    fault = "fault  assistant  spec.model.provider: there is no provider 'opnai'; did you mean 'openai'?\n"
    assert (ran.code, ran.out) == (65, f"{fault}       opnai/demo\n{TOOLS}")


def test_check_names_the_faults_of_tools_skills_directives_and_policy(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    home = folder / ".duragent"
    file = home / "agents/assistant/agent.yaml"
    tools = (
        "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: assistant}\nspec:\n  model: {provider: demo}\n"
    )
    file.write_text(tools + "  tools: [{type: builtin, name: read_fil}, {type: builtin, name: think}]\n")
    (home / "skills/notes").mkdir(parents=True)
    (home / "skills/notes/SKILL.md").write_text("no front matter\n")
    (home / "directives").mkdir()
    (home / "directives/tone.md").symlink_to("/nowhere")
    (home / "agents/assistant/policy.yaml").write_text("mode: ask\ndeny: [bsh:rm]\n")
    for which in ([], ["assistant"], [".duragent/agents/assistant"]):
        ran = duragent("agent", "check", *which)
        assert ran.code == 65
        *faults, model, tools = ran.out.splitlines()
        assert [line.split("  ")[:2] for line in faults] == [["fault", "assistant"]] * 4
        policy, tool, directive, skill = faults
        assert "policy.yaml:2: deny" in policy
        assert "agent.yaml: spec.tools[0]: no tool is called 'read_fil' (did you mean 'read_file'?)" in tool
        assert "tone.md" in directive
        assert "SKILL.md:1: has no front matter" in skill
        assert (model, tools) == ("       demo/demo", "       tools: think (pure)")


def test_check_counts_the_programs_that_lie_in_the_workspace(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    file = folder / ".duragent/agents/assistant/agent.yaml"
    file.write_text(file.read_text().partition("  tools:\n")[0])
    assert duragent("agent", "check").out == "ok     assistant  demo/demo\n       tools: none\n"
    tool = folder / ".duragent/tools/greet"
    tool.mkdir(parents=True)
    (tool / "run").write_text("#!/bin/sh\n")
    (tool / "run").chmod(0o755)
    checked = "ok     assistant  demo/demo\n       tools: read_output (pure), greet (unsafe)\n"
    for which in ([], [".duragent/agents/assistant/agent.yaml"]):
        assert duragent("agent", "check", *which).out == checked


def test_check_of_an_agent_that_lies_in_another_workspace_looks_there(duragent: Command, folder: Path) -> None:
    for where in ("here", "there"):
        duragent("init", "--no-interactive", where)
    (folder / "there/.duragent/policy.yaml").write_text("mode: perhaps\n")
    assert duragent("agent", "check", "here/.duragent/agents/assistant").code == 0
    ran = duragent("agent", "check", "there/.duragent/agents/assistant", "-w", "here/.duragent")
    assert (ran.code, "policy.yaml:1: mode" in ran.out) == (65, True)


def test_check_of_an_unknown_agent_lists_the_known_ones(duragent: Command) -> None:
    duragent("init", "--no-interactive")
    ran = duragent("agent", "check", "asistant")
    assert ran.code == 66
    assert "assistant" in ran.err


def test_create_adds_an_agent_and_refuses_one_that_exists(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    assert duragent("agent", "create", "writer", "--no-interactive").code == 0
    assert (folder / ".duragent/agents/writer/agent.yaml").is_file()
    again = duragent("agent", "create", "writer", "--no-interactive")
    assert (again.code, "exists already" in again.err) == (2, True)

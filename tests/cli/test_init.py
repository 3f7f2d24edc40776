"""`duragent init`: a workspace with an agent, made and connected."""

from pathlib import Path

from tests.cli.commands import TOOLS, Command
from tests.cli.place import Place


def test_init_makes_a_workspace_that_check_finds_good(duragent: Command, folder: Path) -> None:
    made = duragent("init", "--no-interactive")
    assert made.code == 0
    assert (folder / ".duragent/agents/assistant/agent.yaml").is_file()
    checked = duragent("agent", "check")
    assert (checked.code, checked.out) == (0, f"ok     assistant  demo/demo\n{TOOLS}")


def test_init_keeps_what_is_there(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    soul = folder / ".duragent/agents/assistant/SOUL.md"
    soul.write_text("mine")
    again = duragent("init", "--no-interactive", "--provider", "anthropic")
    assert again.code == 0
    assert f"Kept     {soul.relative_to(folder)}" in again.out
    assert soul.read_text() == "mine"


def test_init_names_the_key_that_is_missing(duragent: Command) -> None:
    ran = duragent("init", "--no-interactive", "--provider", "openrouter", "--agent-name", "writer")
    assert "export OPENROUTER_API_KEY=" in ran.out
    assert "duragent chat -a writer" in ran.out


def test_init_connects_the_demo_agent_of_a_first_chat(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    assert "Replaced" in duragent("init", "--no-interactive", "--provider", "openai").out
    assert "openai/gpt" in duragent("agent", "list").out


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

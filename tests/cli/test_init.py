"""`duragent init`: a workspace with an agent, made and connected."""

from pathlib import Path

from duragent.testing.stub_llm import StubLlm
from tests.cli.commands import TOOLS, Command
from tests.cli.place import Place
from tests.support.left_servers import end_servers
from tests.support.stub_ollama import Pulled, StubOllama


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
    assert "`duragent keys set openrouter` keeps it, or export OPENROUTER_API_KEY=" in ran.out
    assert "duragent chat -a writer" in ran.out


def test_init_connects_the_demo_agent_of_a_first_chat(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    assert "Replaced" in duragent("init", "--no-interactive", "--provider", "openai").out
    assert "openai/gpt" in duragent("agent", "list").out


def test_init_asks_for_what_it_needs_and_keeps_a_key_that_is_typed(place: Place) -> None:
    with place.terminal("init") as terminal:
        terminal.expect(r"Agent name \[assistant\]: ")
        terminal.type("writer\r")
        terminal.expect(r"LLM provider \(.*\) \[demo\]: ")
        terminal.type("anthropic\r")
        terminal.expect(r"Model name \[[\w.-]+\]: ")
        terminal.type("\r")
        terminal.expect(r"ANTHROPIC_API_KEY \(it is not shown; Enter: later\): ")
        terminal.type("sk-secret-1\r")
        terminal.expect("Kept ANTHROPIC_API_KEY")
        terminal.expect("duragent chat -a writer")
        assert terminal.end() == 0
        assert "sk-secret-1" not in terminal.text
    assert place.run("agent", "check").stdout.startswith("ok     writer  anthropic/")
    assert "key file" in place.run("keys", "list").stdout


def test_init_lists_what_can_be_asked_and_takes_a_number(place: Place) -> None:
    with StubOllama(**{"qwen3:4b": Pulled(), "gemma3:4b": Pulled()}) as ollama:
        place.environ["OLLAMA_HOST"] = ollama.url
        with place.terminal("init", "--agent-name", "ada") as terminal:
            terminal.expect(r"1  ollama/qwen3:4b  \(Ollama runs at [^)]*\)")
            terminal.expect(r"2  ollama/gemma3:4b")
            terminal.expect(r"or a number\) \[ollama\]: ")
            terminal.type("2\r")
            terminal.expect("Next: duragent chat -a ada")
            assert terminal.end() == 0
        assert place.run("agent", "check").stdout.startswith("ok     ada  ollama/gemma3:4b\n")
        with place.terminal("agent", "create", "bob") as terminal:
            terminal.expect(r"\[ollama\]: ")
            terminal.type("\r")
            terminal.expect(r"Model name or number \[qwen3:4b\]: ")
            terminal.type("2\r")
            terminal.expect("Next: duragent chat -a bob")
            assert terminal.end() == 0
        assert "ollama/gemma3:4b" in place.run("agent", "check", "bob").stdout


def test_init_says_what_to_pull_where_ollama_does_not_have_the_model(place: Place) -> None:
    with StubOllama() as ollama:
        place.environ["OLLAMA_HOST"] = ollama.url
        ran = place.run("init", "--no-interactive", "--provider", "ollama")
        assert "Ollama does not have qwen3: `ollama pull qwen3`" in ran.stdout
        asked = place.run("ask", "assistant", "hi")
        assert (asked.returncode, "`ollama pull qwen3`" in asked.stderr) == (1, True), asked.stderr
        ollama.pull("qwen3:latest")
        ollama.pull("qwen3")
        assert place.run("ask", "assistant", "hi").stdout == "You said: hi\n"


def test_init_with_an_address_takes_the_model_that_answers_there(duragent: Command, folder: Path) -> None:
    with StubLlm() as stub:
        stub.others["/v1/models"] = lambda _: {"data": [{"id": "mine"}]}
        made = duragent("init", "--no-interactive", "--base-url", stub.openai_url)
        assert (made.code, "key" in made.out) == (0, False)
        assert duragent("ask", "assistant", "hi").out == "You said: hi\n"
        other = duragent("agent", "create", "bob", "--no-interactive", "--base-url", stub.openai_url, "--model", "m")
        assert other.code == 0
    assert duragent("agent", "check").out.startswith("ok     assistant  openai/mine\n")
    assert f"base_url: {stub.openai_url}\n" in (folder / ".duragent/agents/bob/agent.yaml").read_text()
    end_servers(folder)


def test_an_address_that_is_none_or_where_nothing_answers_makes_nothing(duragent: Command, folder: Path) -> None:
    nowhere = duragent("init", "--no-interactive", "--base-url", "http://127.0.0.1:9/v1")
    assert (nowhere.code, "name one with --model" in nowhere.err) == (2, True)
    wrong = duragent("init", "--no-interactive", "--base-url", "127.0.0.1:9", "--model", "m")
    assert (wrong.code, "must begin with http://" in wrong.err) == (2, True)
    assert list(folder.iterdir()) == []


def test_a_first_chat_uses_a_key_that_is_kept(place: Place) -> None:
    place.run("keys", "set", "openai", stdin="sk-secret-1")
    with StubLlm() as stub:
        place.environ["OPENAI_BASE_URL"] = stub.openai_url
        asked = place.run("ask", "assistant", "hi")
        assert (asked.stdout, "OPENAI_API_KEY is set" in asked.stderr) == ("You said: hi\n", True), asked.stderr

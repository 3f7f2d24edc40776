"""A key that comes later is noticed and offered, and nothing is changed without a yes."""

from collections.abc import Iterator

import pytest

from duragent.testing.stub_llm import StubLlm
from tests.cli.place import Place

KEY = "sk-secret-abcdefgh-1"


@pytest.fixture
def begun(place: Place) -> Iterator[tuple[Place, StubLlm]]:
    """A workspace with the demo agent, and a server that was started without any key."""
    with StubLlm() as stub:
        place.environ["OPENAI_BASE_URL"] = stub.openai_url
        assert place.run("ask", "assistant", "repeat hi").returncode == 0
        yield place, stub


def test_a_key_that_is_exported_later_is_offered_kept_and_used_by_the_server_that_runs(
    begun: tuple[Place, StubLlm],
) -> None:
    place, stub = begun
    place.environ["OPENAI_API_KEY"] = KEY
    with place.terminal("chat") as terminal:
        terminal.expect(
            r'OPENAI_API_KEY is set\. Let "assistant" use openai/gpt-5-mini in place of the demo\? \[Y/n\]: '
        )
        terminal.type("y\r")
        terminal.expect(r"OPENAI_API_KEY is set here, and the server that runs does not have it.*\[Y/n\]: ")
        terminal.type("\r")
        terminal.expect("assistant · new session.*openai/gpt-5-mini")
        terminal.expect("> ")
        terminal.type("hello\r")
        terminal.expect("You said: hello")
        assert KEY not in terminal.text
    assert stub.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    assert f"OPENAI_API_KEY={KEY}" in (place.folder / ".local/state/duragent/keys").read_text()


def test_a_no_changes_nothing(begun: tuple[Place, StubLlm]) -> None:
    place, _ = begun
    before = (place.folder / ".duragent/agents/assistant/agent.yaml").read_bytes()
    place.environ["OPENAI_API_KEY"] = KEY
    with place.terminal("chat") as terminal:
        terminal.expect(r"in place of the demo\? \[Y/n\]: ")
        terminal.type("n\r")
        terminal.expect("assistant · new session.*demo")
    assert (place.folder / ".duragent/agents/assistant/agent.yaml").read_bytes() == before
    assert not (place.folder / ".local/state/duragent/keys").exists()


def test_a_key_that_is_missing_is_asked_for_before_the_first_message(begun: tuple[Place, StubLlm]) -> None:
    place, _ = begun
    assert place.run("init", "--no-interactive", "--provider", "openai").returncode == 0
    with place.terminal("chat") as terminal:
        terminal.expect("openai needs a key, and the server has none.")
        terminal.expect(r"OPENAI_API_KEY \(it is not shown; Enter: later\): ")
        terminal.type(f"{KEY}\r")
        terminal.expect("Kept OPENAI_API_KEY")
        terminal.expect("> ")
        terminal.type("hello\r")
        terminal.expect("You said: hello")
        assert KEY not in terminal.text

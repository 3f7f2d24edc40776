"""Questions that nobody answers: a sentence says what to give instead."""

import asyncio
import signal

import pytest
import typer

from duragent.cli.prompts import confirm
from tests.cli.place import Place

ENDED = "duragent: standard input ended before an answer: "


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ([], "give --agent-name, or --no-interactive, which asks nothing"),
        (["--agent-name", "ada"], "give --provider, or --no-interactive, which asks nothing"),
        (["--agent-name", "ada", "--provider", "x"], "give --model, or --no-interactive, which asks nothing"),
    ],
)
def test_init_without_anybody_says_what_to_give_and_makes_nothing(place: Place, given: list[str], instead: str) -> None:
    ran = place.run("init", *given)
    assert (ran.returncode, ran.stderr.strip()) == (2, ENDED + instead)
    assert not (place.folder / ".duragent").exists()


def test_end_of_input_at_a_terminal_says_what_to_give_instead(place: Place) -> None:
    assert place.run("init", "--no-interactive").returncode == 0
    for command, question, instead in (
        (["agent", "create", "bob"], r"LLM provider", "give --provider, or --no-interactive"),
        (["keys", "set", "openai"], "OPENAI_API_KEY: ", "type the key, or give it in a pipe"),
    ):
        with place.terminal(*command) as terminal:
            terminal.expect(question)
            terminal.type("\x04")
            terminal.expect(f"standard input ended before an answer: {instead}")
            assert terminal.end() == 2


def test_end_of_input_at_an_offer_changes_nothing_and_says_what_connects_a_model(place: Place) -> None:
    assert place.run("init", "--no-interactive").returncode == 0
    place.environ["OPENAI_API_KEY"] = "sk-secret-abcdefgh-1"
    with place.terminal("chat") as terminal:
        terminal.expect(r"in place of the demo\? \[Y/n\]: ")
        terminal.type("\x04")
        terminal.expect("standard input ended before an answer: `duragent init` connects a model")
        assert terminal.end() == 2
        assert "Aborted" not in terminal.text


def test_control_c_ends_a_question_that_is_asked_in_an_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> bool:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise typer.Abort from None
        return True

    async def command() -> bool:
        return confirm("Delete it?", "--yes")

    monkeypatch.setattr(typer, "confirm", interrupted)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(command())

"""Evidence that is found by code."""

from duragent.context.tokens import tokens
from duragent.journal.events import Call, Event, MessageReceived, ModelReplied, ToolFinished
from duragent.journal.record import Record
from duragent.memory.facts import facts_of

PLENTY = 10_000


def records(*events: Event) -> list[Record]:
    return [Record(seq, "2026-11-20T10:00:00.000Z", event) for seq, event in enumerate(events, 1)]


def said(text: str) -> MessageReceived:
    return MessageReceived(message_id="m", text=text)


def called(command: str) -> ModelReplied:
    arguments = f'{{"command": "{command}"}}'
    return ModelReplied(message_id="m", calls=(Call(call="c1", tool="bash", arguments=arguments),))


def lines(*events: Event, limit: int = PLENTY) -> dict[str, str]:
    text = facts_of(records(*events), limit, tokens)
    return dict(line.split(": ", 1) for line in text.splitlines())


def test_a_command_is_told_with_its_end() -> None:
    failed = ToolFinished(call="c1", tool="bash", outcome="error", content="E: boom", details={"exit_code": 2})
    found = lines(called("pytest -q tests/a_test.py"), failed)
    assert found["Commands"] == "`pytest -q tests/a_test.py` exit 2"
    assert found["Errors"] == "E: boom"
    assert found["Paths"] == "tests/a_test.py"


def test_paths_addresses_ids_and_figures_of_a_message() -> None:
    text = "See src/app/main.py and https://example.org/a?b=1, ABC-123: commit 4f2a9c1 took 3.5 s, 40 % more than v1"
    found = lines(said(text))
    assert found == {
        "Paths": "src/app/main.py",
        "Addresses": "https://example.org/a?b=1",
        "Ids": "ABC-123 · 4f2a9c1",
        "Figures": "3.5 s · 40 %",
    }


def test_prose_has_no_facts() -> None:
    assert lines(said("Hello there. How are you, e.g. today? It was fine, and/or not.")) in ({}, {"Paths": "and/or"})


def test_what_was_written_comes_before_what_was_only_printed() -> None:
    printed = "\n".join(f"out/file_{number}.txt" for number in range(100))
    found = lines(
        ToolFinished(call="c", tool="list_files", outcome="ok", content=printed), said("change src/main.py"), limit=40
    )
    assert found["Paths"].startswith("src/main.py")


def test_they_are_never_longer_than_the_limit_and_one_kind_leaves_room_for_the_others() -> None:
    many = said(" ".join(f"a/b_{number}.py" for number in range(500)) + " and 12 ms")
    for limit in range(0, 200, 7):
        assert tokens(facts_of(records(many), limit, tokens)) <= limit
    assert lines(many, limit=100)["Figures"] == "12 ms"

"""What stands above the input line."""

from datetime import UTC, datetime

from duragent.cli.chat.conversation import Conversation
from duragent.cli.chat.live import live_lines
from duragent.journal import events
from duragent.wire import Delta
from tests.cli.chat.calls import ASKED, STARTED, after, finished

NOW = datetime(2026, 11, 20, 23, 58, 20, tzinfo=UTC)
BEGUN = events.TurnStarted(turn="t", trigger=1)
CALLED = events.ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="demo/demo", input_seq=1)


def shown(*happened: events.Event | Delta, width: int = 100) -> list[str]:
    return [text for _, text in live_lines(after(*happened)[0], width, 20, NOW)]


def piece(text: str, kind: str = "text") -> Delta:
    return Delta.model_validate({"turn": "t", "step": 1, "attempt": 1, "offset": 0, "text": text, "kind": kind})


def test_a_hint_is_shown_whole_on_a_narrow_terminal() -> None:
    hint = "Enter sends it; Esc goes back. One pattern on each line (Alt-Enter)."
    assert live_lines(Conversation("a"), 40, 8, NOW, hint) == [
        ("quiet", "Enter sends it; Esc goes back. One"),
        ("quiet", "pattern on each line (Alt-Enter)."),
    ]


def test_each_thing_that_it_does_has_its_word() -> None:
    assert shown(BEGUN) == ["working · 3 s · Ctrl-C stops"]
    assert shown(BEGUN, CALLED) == ["waiting for demo/demo · 3 s · Ctrl-C stops"]
    assert shown(BEGUN, CALLED, piece("hm", "reasoning")) == ["hm", "thinking · 3 s · Ctrl-C stops"]
    assert shown(BEGUN, CALLED, piece("Hello")) == ["Hello", "writing · 3 s · 0 tokens in, 1 out · Ctrl-C stops"]
    assert shown(BEGUN, STARTED) == ["running bash · 3 s · Ctrl-C stops"]
    assert shown(BEGUN, STARTED, finished("x")) == ["working · 3 s · Ctrl-C stops"]


def test_while_the_server_loads_what_it_needs_to_ask_that_is_said() -> None:
    talk = after(BEGUN, CALLED)[0]
    talk.progress.loading = True
    assert live_lines(talk, 100, 20, NOW)[-1][1] == "loading what demo needs · 3 s · Ctrl-C stops"
    talk.progress.asking = False
    assert live_lines(talk, 100, 20, NOW)[-1][1] == "working · 3 s · Ctrl-C stops"


def test_while_a_person_is_asked_nothing_works_and_afterwards_the_status_is_back() -> None:
    assert shown(BEGUN, ASKED) == []
    assert shown(BEGUN, CALLED, events.TurnEnded(turn="t", outcome="completed")) == ["demo"]


def test_a_persons_command_shows_its_output_and_is_no_turn() -> None:
    asked = events.CommandRequested(command_id="x1", command="make", by="me")
    output = Delta.model_validate(
        {"turn": "", "step": 1, "attempt": 1, "offset": 0, "text": "cc a.c", "kind": "output", "call": "x1"}
    )
    assert shown(asked, output) == ["  cc a.c", f"running {asked.command} · Ctrl-C stops it"]
    done = events.CommandFinished(command_id="x1", outcome="ok", content="cc a.c")
    assert shown(asked, output, done) == shown(asked, output, done, output) == []

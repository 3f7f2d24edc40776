import pytest

from duragent.client.answer import PartialAnswer
from duragent.journal.events import Event, ModelCalled, ModelReplied, TurnEnded, TurnStarted
from duragent.journal.record import Record
from duragent.wire import Delta

TS = "2026-11-20T23:58:16.123Z"


def record(seq: int, event: Event) -> Record:
    return Record(seq, TS, event)


def delta(text: str, offset: int, attempt: int = 1, step: int = 1, turn: str = "t1") -> Delta:
    return Delta(turn=turn, step=step, attempt=attempt, offset=offset, text=text)


def called(attempt: int, step: int = 1, input_seq: int = 1, turn: str = "t1") -> ModelCalled:
    return ModelCalled(turn=turn, step=step, attempt=attempt, epoch=1, model="m", input_seq=input_seq)


def test_deltas_add_up_to_the_answer() -> None:
    answer = PartialAnswer()
    for item in (delta("Hel", 0), delta("lo 🌍", 3), delta("!", 7)):
        answer.take(item)
    assert answer.text == "Hello 🌍!"


def test_a_delta_that_was_sent_twice_counts_once() -> None:
    answer = PartialAnswer()
    for item in (delta("Hello", 0), delta("Hello wor", 0), delta("ld", 9)):
        answer.take(item)
    assert answer.text == "Hello world"


def test_a_higher_attempt_throws_the_text_away_and_a_lower_one_is_late() -> None:
    answer = PartialAnswer()
    for item in (delta("old", 0), delta("new", 0, attempt=2), delta("er", 3)):
        answer.take(item)
    assert answer.text == "new"


def test_the_reply_ends_the_partial_answer_and_the_turns_end_the_turn() -> None:
    answer = PartialAnswer()
    answer.take(record(2, TurnStarted(turn="t1", trigger=1)))
    answer.take(record(3, called(1)))
    answer.take(delta("Hel", 0))
    answer.take(record(4, ModelReplied(message_id="m", turn="t1", text="Hello")))
    answer.take(delta("lo", 3))
    assert (answer.text, answer.turn) == ("", "t1")
    answer.take(record(5, TurnEnded(turn="t1", outcome="completed")))
    assert answer.turn is None


def test_reasoning_is_kept_apart() -> None:
    answer = PartialAnswer()
    answer.take(Delta(turn="t1", step=1, attempt=1, kind="reasoning", offset=0, text="hm"))
    answer.take(delta("yes", 0))
    assert (answer.text, answer.reasoning) == ("yes", "hm")


@pytest.mark.parametrize("turn", ["t1", ""])
def test_output_of_a_tool_says_that_a_turn_runs_and_that_of_a_persons_command_does_not(turn: str) -> None:
    answer = PartialAnswer()
    answer.take(delta("a.txt", 0, turn=turn).model_copy(update={"kind": "output", "call": "c"}))
    assert (answer.turn, answer.text) == (turn or None, "")

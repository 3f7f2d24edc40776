"""Undos and commands of people: admitted one at a time, begun in the log, over with their end."""

import dataclasses

import pytest

from duragent.errors import NothingToDo, NotNow, SessionIsClosed
from duragent.journal import events as e
from duragent.journal.admit import Already, admit
from duragent.journal.apply import reduce
from duragent.journal.beside_turns import FinishCommand, FinishUndo, next_aside
from duragent.journal.detach import wound_up
from duragent.journal.inputs import Cancel, Message, RunCommand, Undo
from duragent.journal.limits import TurnLimits
from duragent.journal.next_step import StartTurn, next_step
from duragent.journal.record import Record
from duragent.journal.state import OpenCommand, OpenTurn, OpenUndo, SessionState

TS = "2026-01-01T00:00:00.000Z"
UNDO = Undo(turn_id="t1", by="me", files=(e.FileUndo(path="a", now="1" * 64),))
IDLE = SessionState("s", seq=7)


def after(state: SessionState, *events: e.Event) -> SessionState:
    return reduce(state, [Record(state.seq + at, TS, event) for at, event in enumerate(events, 1)])


def admitted(state: SessionState, posted: Undo | RunCommand | Cancel) -> list[e.Event]:
    found = admit(state, posted, "command_1")
    assert not isinstance(found, Already)
    return list(found)


def test_an_undo_is_under_way_until_its_own_end() -> None:
    undoing = after(IDLE, *admitted(IDLE, UNDO))
    assert (undoing.undoing, undoing.has_work) == (OpenUndo("t1", 8), True)
    assert next_aside(undoing) == FinishUndo(OpenUndo("t1", 8))
    assert after(undoing, e.UndoFinished(turn="other")).undoing is not None
    assert dataclasses.replace(after(undoing, e.UndoFinished(turn="t1")), seq=7, updated_at="", created_at="") == IDLE


def test_a_command_is_under_way_until_its_own_end_and_runs_beside_a_turn() -> None:
    in_turn = dataclasses.replace(IDLE, turn=OpenTurn("t", 1))
    running = after(in_turn, *admitted(in_turn, RunCommand(command="ls", spool="spool_1")))
    assert running.commanding == OpenCommand("command_1", 8, "spool_1")
    assert next_aside(running) == FinishCommand(OpenCommand("command_1", 8, "spool_1"))
    assert after(running, e.CommandFinished(command_id="other", outcome="ok")).commanding is not None
    over = after(running, e.CommandFinished(command_id="command_1", outcome="ok"))
    assert (over.commanding, over.turn, next_aside(over)) == (None, in_turn.turn, None)


def test_no_turn_begins_while_an_undo_is_under_way() -> None:
    undoing = after(IDLE, *admitted(IDLE, UNDO), e.MessageReceived(message_id="m", text="hi"))
    limits = TurnLimits(1.0, steps=5)
    assert next_step(undoing, limits) is None
    assert next_step(after(undoing, e.UndoFinished(turn="t1")), limits) == StartTurn(9)


@pytest.mark.parametrize(
    ("state", "posted", "error"),
    [
        (dataclasses.replace(IDLE, closed=True), UNDO, SessionIsClosed),
        (dataclasses.replace(IDLE, undoing=OpenUndo("t", 3)), UNDO, NotNow),
        (dataclasses.replace(IDLE, commanding=OpenCommand("c", 3)), UNDO, NotNow),
        (dataclasses.replace(IDLE, turn=OpenTurn("t", 1)), UNDO, NotNow),
        (dataclasses.replace(IDLE, waiting=(3,)), UNDO, NotNow),
        (IDLE, Undo(turn_id="t1"), NothingToDo),
        (dataclasses.replace(IDLE, closed=True), RunCommand(command="ls"), SessionIsClosed),
        (dataclasses.replace(IDLE, commanding=OpenCommand("c", 3)), RunCommand(command="ls"), NotNow),
    ],
)
def test_what_is_refused(state: SessionState, posted: Undo | RunCommand, error: type[Exception]) -> None:
    with pytest.raises(error):
        admit(state, posted, "command_1")


def test_an_undo_comes_in_while_the_session_is_paused() -> None:
    [asked] = admitted(dataclasses.replace(IDLE, waiting=(3,), paused=True), UNDO)
    assert isinstance(asked, e.UndoRequested)
    assert (asked.turn, asked.by, asked.files) == ("t1", "me", UNDO.files)


@pytest.mark.parametrize("posted", [UNDO, RunCommand(command="ls")])
def test_the_same_key_counts_once(posted: Undo | RunCommand) -> None:
    keyed = posted.model_copy(update={"idempotency_key": "k"})
    state = after(IDLE, *admitted(IDLE, keyed))
    filled_in = {"files": ()} if isinstance(posted, Undo) else {"spool": "x"}
    again = admit(state, keyed.model_copy(update=filled_in), "other")
    assert isinstance(again, Already)
    assert again.remembered.seq == 8


def test_a_cancel_stops_the_command_first_and_then_the_turn() -> None:
    in_turn = dataclasses.replace(IDLE, turn=OpenTurn("t", 1))
    running = after(in_turn, *admitted(in_turn, RunCommand(command="ls")))
    stopped = after(running, *admitted(running, Cancel()))
    assert stopped.commanding is not None
    assert (stopped.commanding.cancelled, stopped.turn) == (True, in_turn.turn)
    both = after(stopped, *admitted(stopped, Cancel()))
    assert both.turn is not None
    assert both.turn.cancelled
    assert admitted(both, Cancel()) == []


def test_a_copy_of_the_log_winds_both_up() -> None:
    state = after(IDLE, *admitted(IDLE, UNDO), *admitted(IDLE, RunCommand(command="ls")))
    ended = wound_up(state, "the session was forked")
    assert [event.type for event in ended] == ["undo_finished", "command_finished"]
    assert not after(state, *ended).has_work


def test_a_message_is_taken_while_both_are_under_way() -> None:
    state = after(IDLE, *admitted(IDLE, UNDO), *admitted(IDLE, RunCommand(command="ls")))
    assert not isinstance(admit(state, Message(text="hi"), "m"), Already)

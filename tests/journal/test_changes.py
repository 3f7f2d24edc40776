"""What the log says about files, and what an undo makes of it."""

import pytest

from duragent.journal import events as e
from duragent.journal.changes import NOT_KEPT, ChangesFold, FilePlan, TurnChanges, plan_of, undo_of
from duragent.journal.record import Record

A, B, C, D = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)


def turn_of(*events: e.Event) -> TurnChanges:
    fold = ChangesFold()
    fold.take_all(Record(at, "", event) for at, event in enumerate([e.TurnStarted(turn="t", trigger=1), *events], 1))
    return fold.turns["t"]


def started(call: str, before: str | None, after: str, attempt: int = 1) -> e.ToolStarted:
    file = e.FileBefore(path="f", sha256=before, mode=0o644 if before else None, after=after)
    return e.ToolStarted(turn="t", call=call, tool="write_file", epoch=1, attempt=attempt, before=(file,))


def ended(call: str, outcome: e.CallOutcome = "ok") -> e.ToolFinished:
    return e.ToolFinished(turn="t", call=call, outcome=outcome)


@pytest.mark.parametrize(
    ("events", "then", "left", "others_at"),
    [
        ([started("1", A, B), ended("1")], A, {B}, 0),
        ([started("1", None, B), ended("1")], None, {B}, 0),
        ([started("1", A, B), ended("1"), started("2", B, C), ended("2")], A, {C}, 0),
        ([started("1", A, B), ended("1", "error")], A, {A, B}, 0),
        ([started("1", A, B)], A, {A, B}, 0),
        ([started("1", A, B), ended("1", "interrupted"), started("2", A, C), ended("2")], A, {C}, 0),
        ([started("1", A, B), ended("1", "timeout"), started("2", B, C), ended("2")], A, {C}, 0),
        ([started("1", A, B), started("1", B, B, 2), ended("1")], A, {B}, 0),
        ([started("1", A, B), ended("1"), started("2", D, C), ended("2")], A, {C}, 4),
        ([started("1", A, B), ended("1"), started("2", D, C)], A, {B, D, C}, 4),
    ],
)
def test_what_a_turn_may_have_left(
    events: list[e.Event], then: str | None, left: set[str | None], others_at: int
) -> None:
    assert plan_of(turn_of(*events)) == [FilePlan("f", then, 0o644 if then else None, frozenset(left), others_at)]


def plan(then: str | None = A, *left: str, others_at: int = 0) -> FilePlan:
    return FilePlan("f", then, 0o644, frozenset(left or (B,)), others_at)


@pytest.mark.parametrize(
    ("planned", "now", "force", "refused"),
    [
        (plan(), B, False, ""),
        (plan(), C, False, "it was changed by someone else since"),
        (plan(), None, False, "it was changed by someone else since"),
        (plan(), C, True, ""),
        (plan(), "", True, "what is there now is too long to keep"),
        (plan(""), B, True, NOT_KEPT),
        (plan(None), B, False, ""),
        (plan(others_at=9), B, False, "something else changed it too, before record 9: a command, or a person"),
        (plan(others_at=9), B, True, ""),
    ],
)
def test_what_an_undo_does_with_a_file(planned: FilePlan, now: str | None, force: bool, refused: str) -> None:
    assert undo_of(planned, now, force=force) == e.FileUndo(
        path="f", now=now, then=planned.then, mode=0o644, refused=refused
    )


@pytest.mark.parametrize("planned", [plan(), plan(None)])
def test_a_file_that_is_as_it_was_is_left_out(planned: FilePlan) -> None:
    assert undo_of(planned, planned.then) is None


def test_the_newest_turn_with_changes_that_was_not_undone_comes_first() -> None:
    fold = ChangesFold()
    restored = (e.FileChange(path="f", before=B, after=A),)
    events: list[e.Event] = []
    for name in ("t1", "t2", "t3"):
        events += [e.TurnStarted(turn=name, trigger=1)]
        events += [started(name, A, B).model_copy(update={"turn": name})] if name != "t3" else []
        events += [e.TurnEnded(turn=name, outcome="completed")]
    newest = []
    for at, event in enumerate([*events, e.UndoFinished(turn="t2"), e.UndoFinished(turn="t2", restored=restored)], 1):
        fold.take(Record(at, "", event))
        found = fold.newest()
        newest.append(found.turn if found else "")
    assert newest == ["", "t1", "t1", "t1", "t2", "t2", "t2", "t2", "t2", "t1"]


def test_commands_are_counted_because_what_they_change_is_not_known() -> None:
    ran = e.ToolStarted(turn="t", call="c", tool="bash", epoch=1, spool="spool_1")
    assert turn_of(ran, ran.model_copy(update={"call": "d"})).commands == 2

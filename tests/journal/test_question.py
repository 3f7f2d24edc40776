"""What a person is asked: from a record, from a state, and from the records of a watch."""

from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import example, given

from duragent.journal.apply import reduce
from duragent.journal.events import (
    AllowanceOffer,
    ApprovalDecided,
    ApprovalRequested,
    Call,
    CancelRequested,
    Event,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    PolicyFinding,
    SessionClosed,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolsSkipped,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.question import Asker, Question, QuestionFold, QuestionKind, question_in, question_of
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.wire import Approval
from tests.support.histories import CHOICES, TS, history

REPLIED = ModelReplied(message_id="m", turn="t", calls=(Call(call="c1", tool="mail", arguments="{}"),))
REQUESTED = ApprovalRequested(
    turn="t",
    call="c1",
    tool="mail",
    arguments_sha256="5a",
    invocation="mail to=me",
    findings=(PolicyFinding(text="mail", reason="not allowed"),),
    patterns=("builtin:mail",),
    offers=(AllowanceOffer(scope="session", words="every call of mail", patterns=("builtin:mail",)),),
    preview="@@ -0,0 +1 @@\n+a",
    place="here",
    expires_at="2026-11-21T23:58:16.123Z",
)
LOST = ToolLost(turn="t", call="c1", evidence="no result", asks=True)
APPROVAL = Question(
    session_id="s",
    agent="worker",
    title="A title",
    kind="approval",
    seq=9,
    asked_at=TS,
    call="c1",
    tool="mail",
    invocation="mail to=me",
    arguments_sha256="5a",
    findings=REQUESTED.findings,
    patterns=("builtin:mail",),
    offers=REQUESTED.offers,
    preview=REQUESTED.preview,
    place="here",
    expires_at="2026-11-21T23:58:16.123Z",
    evidence="",
)
NOTHING: dict[str, Any] = {"findings": (), "patterns": (), "offers": (), "preview": "", "place": "", "expires_at": None}
LOST_CALL = replace(APPROVAL, kind="lost", invocation="", evidence="no result", **NOTHING)
OTHER = (AllowanceOffer(scope="policy", words="other", patterns=("other",)),)
ASKER = Asker("s", "worker", "A title", "mail", "5a")


def fold_of(*events: Event) -> QuestionFold:
    fold = QuestionFold("s", "worker")
    for seq, event in enumerate(events, 1):
        fold.take(Record(seq, TS, event))
    return fold


@pytest.mark.parametrize(
    ("event", "question"),
    [
        (REQUESTED, APPROVAL),
        (LOST, LOST_CALL),
        (LOST.model_copy(update={"asks": False}), None),
        (MessageReceived(message_id="m", text="hi"), None),
    ],
)
def test_a_record_that_asks_holds_the_whole_question(event: Event, question: Question | None) -> None:
    assert question_in(Record(9, TS, event), ASKER) == question


NOT_ASKED = {"type", "turn", "rule"}
"""Fields of `approval_requested` that a person is not shown: the rule says in its own words what `findings` says."""


@pytest.mark.parametrize("name", sorted(set(ApprovalRequested.model_fields) - NOT_ASKED))
def test_each_field_of_the_event_is_in_the_question(name: str) -> None:
    other: dict[str, object] = {"findings": (PolicyFinding(text="other"),), "patterns": ("other",), "offers": OTHER}
    changed = REQUESTED.model_copy(update={name: other.get(name, "other")})
    assert question_in(Record(9, TS, changed), ASKER) not in (None, APPROVAL)


def test_the_command_is_the_tool_where_the_record_has_no_invocation() -> None:
    assert (APPROVAL.command, LOST_CALL.command) == ("mail to=me", "mail")


def _state(*events: Event) -> SessionState:
    called = ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=1)
    begun = [TurnStarted(turn="t", trigger=1), called, REPLIED, *events]
    state = SessionState("s", agent="worker", title="A title", topic="A topic")
    return reduce(state, [Record(seq, TS, event) for seq, event in enumerate(begun, 10 - len(begun))])


def test_the_question_of_a_state_has_its_title_and_what_the_record_says() -> None:
    assert question_of(_state(REQUESTED), Record(9, TS, REQUESTED)) == APPROVAL
    assert question_of(_state(REQUESTED, LOST), Record(9, TS, LOST)) == LOST_CALL
    assert question_of(_state(), None) is None
    untitled = question_of(replace(_state(REQUESTED), title=None), Record(9, TS, REQUESTED))
    assert untitled == replace(APPROVAL, title="A topic")


def test_a_state_whose_record_cannot_be_found_still_says_which_call_waits() -> None:
    bare = replace(APPROVAL, invocation="", **NOTHING)
    assert question_of(_state(REQUESTED), None) == bare
    assert question_of(_state(REQUESTED, LOST), None) == replace(bare, kind="lost")


@pytest.mark.parametrize(
    "end",
    [
        ApprovalDecided(call="c1", decision="deny", arguments_sha256="5a"),
        ToolResolved(call="c1", resolution="done"),
        ToolFinished(call="c1", outcome="cancelled"),
        ToolLost(turn="t", call="c1"),
        ToolsSkipped(calls=("c0", "c1")),
        CancelRequested(turn="t"),
        TurnEnded(turn="t", outcome="cancelled"),
        SessionClosed(),
    ],
)
def test_a_question_is_open_until_its_end(end: Event) -> None:
    assert fold_of(REPLIED, REQUESTED, end).question is None
    assert fold_of(REPLIED, LOST, end).question is None


@pytest.mark.parametrize("asking", [REQUESTED, LOST])
@pytest.mark.parametrize("end", [CancelRequested(turn="t"), SessionClosed()])
def test_a_turn_that_only_winds_up_asks_nobody(asking: Event, end: Event) -> None:
    assert fold_of(REPLIED, end, asking).question is None
    later = asking.model_copy(update={"turn": "t2"})
    assert (fold_of(REPLIED, end, later).question is None) == isinstance(end, SessionClosed)


def test_a_question_stays_open_beside_what_happens_to_other_calls() -> None:
    others = (ToolFinished(call="other", outcome="ok"), ToolsSkipped(calls=("other",)), ToolLost(turn="t", call="o"))
    fold = fold_of(REPLIED, REQUESTED, *others)
    assert fold.question == replace(APPROVAL, title="", seq=2)
    fold.forget()
    assert fold.question is None


def test_a_lost_call_has_the_tool_that_the_newest_reply_names() -> None:
    assert fold_of(REPLIED, LOST).question == replace(LOST_CALL, title="", seq=2, arguments_sha256="")
    assert fold_of(LOST).question == replace(LOST_CALL, title="", seq=1, arguments_sha256="", tool="")


@given(CHOICES)
@example([0, 0, 0, 1, 1, 9, 2, 48, 36, 35])  # A call of a cancelled turn is found lost.
def test_the_records_and_the_state_agree_on_the_open_question(choices: list[int]) -> None:
    told, fold = history(choices), QuestionFold("s", "assistant")
    for batch, state in zip(told.batches, told.states, strict=True):
        for record in batch:
            fold.take(record)
        call = state.asks
        question = question_of(state, told.records[call.asked_seq - 1] if call else None)
        if question is not None:
            # Only the state knows the title, and what binds a decision about a lost call.
            sha256 = question.arguments_sha256 if question.kind == "approval" else ""
            question = replace(question, title="", arguments_sha256=sha256)
        assert fold.question == question


# --- on the wire ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [field.name for field in fields(Question)])
def test_each_field_of_a_question_is_on_the_wire(name: str) -> None:
    before = getattr(APPROVAL, name)
    other: dict[str, object] = {
        "kind": "lost",
        "seq": 10,
        "findings": (PolicyFinding(text="other"),),
        "patterns": ("other",),
        "offers": OTHER,
    }
    changed = replace(APPROVAL, **{name: other.get(name, "other")})  # type: ignore[arg-type]  # each value fits its field
    assert getattr(changed, name) != before
    assert Approval.of(changed) != Approval.of(APPROVAL)


def test_the_wire_knows_all_kinds_of_questions() -> None:
    assert get_args(Approval.model_fields["kind"].annotation) == get_args(QuestionKind)


def test_an_approval_on_the_wire_has_these_names_in_this_order() -> None:
    assert Approval.of(APPROVAL).model_dump() == {
        "session_id": "s",
        "agent": "worker",
        "title": "A title",
        "kind": "approval",
        "call_id": "c1",
        "tool": "mail",
        "command": "mail to=me",
        "arguments_sha256": "5a",
        "findings": [{"text": "mail", "reason": "not allowed"}],
        "patterns": ["builtin:mail"],
        "offers": [{"scope": "session", "words": "every call of mail", "patterns": ["builtin:mail"]}],
        "preview": "@@ -0,0 +1 @@\n+a",
        "place": "here",
        "requested_at": TS,
        "expires_at": "2026-11-21T23:58:16.123Z",
        "evidence": "",
        "seq": 9,
    }
    assert list(Approval.model_fields) == list(Approval.of(APPROVAL).model_dump())

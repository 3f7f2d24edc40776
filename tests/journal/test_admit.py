"""What may come in: a table of states and inputs, with the events that follow or the refusal."""

from collections.abc import Sequence
from typing import Any

import pytest

from duragent import errors
from duragent.file_types import MAX_ATTACHMENTS
from duragent.journal import events as e
from duragent.journal.admit import MAX_ALLOWED, MAX_ALLOWED_CHARS, MAX_WAITING, Already, admit, fingerprint
from duragent.journal.inputs import (
    Cancel,
    ChooseModel,
    Close,
    Decision,
    Input,
    Message,
    Pause,
    Rename,
    Resume,
    Revocation,
)
from duragent.journal.state import REMEMBERED_KEYS, Remembered
from tests.journal.histories import (
    ASKED,
    BEGUN,
    CANCELLED,
    CLOSED,
    MESSAGE,
    PAUSED,
    SHA,
    called,
    decided,
    ended,
    finished,
    folded,
    lost,
    message,
    replied,
    requested,
    resolved,
    started,
)

HI = Message(text="hi")
FILE = e.Attachment(name="a.png", sha256="0" * 64)
JUDGED = FILE.model_copy(update={"media_type": "image/png", "size_bytes": 7})
FROM_MACHINE = message(source="schedule")
WAITING = [*ASKED, requested()]
LOST = [*ASKED, started(), lost(asks=True)]
AUTO_PAUSED = [*BEGUN, called(), replied(), ended("paused", code="turn-budget", reason="spent")]
Refused = type[errors.DuragentError]


def decision(of: str, call: str = "c1", **facts: Any) -> Decision:
    return Decision.model_validate({"call": call, "decision": of} | facts)


CHOSEN = e.ModelChosen(provider="p", model="m")


@pytest.mark.parametrize(
    ("history", "posted", "expected"),
    [
        # A message.
        ([], HI, ["message_received"]),
        (BEGUN, HI, ["message_received"]),
        (WAITING, HI, ["message_received"]),
        ([PAUSED], HI, ["session_resumed", "message_received"]),
        (AUTO_PAUSED, HI, ["session_resumed", "message_received"]),
        ([PAUSED], Message(text="hi", source="cli"), ["session_resumed", "message_received"]),
        ([PAUSED], Message(text="hi", source="gateway"), ["session_resumed", "message_received"]),
        ([PAUSED], Message(text="hi", source="a later one"), ["session_resumed", "message_received"]),
        ([PAUSED], Message(text="hi", source="schedule"), ["message_received"]),
        ([PAUSED], Message(text="hi", source="process"), ["message_received"]),
        (AUTO_PAUSED, Message(text="hi", source="agent"), ["message_received"]),
        ([], Message(text="hi", source="schedule"), ["message_received"]),
        ([CLOSED], HI, errors.SessionIsClosed),
        ([], Message(text="", attachments=(FILE,) * MAX_ATTACHMENTS), ["message_received"]),
        ([], Message(text="", attachments=(FILE,) * (MAX_ATTACHMENTS + 1)), errors.InvalidRequest),
        ([MESSAGE] * (MAX_WAITING - 1), HI, ["message_received"]),
        ([MESSAGE] * MAX_WAITING, HI, errors.SessionBusy),
        ([FROM_MACHINE] * MAX_WAITING, Message(text="hi", source="agent"), errors.SessionBusy),
        ([FROM_MACHINE] * (MAX_WAITING - 1), Message(text="hi", source="agent"), ["message_received"]),
        ([MESSAGE] * MAX_WAITING, Message(text="hi", source="agent"), ["message_received"]),
        ([PAUSED, *[FROM_MACHINE] * MAX_WAITING], HI, ["session_resumed", "message_received"]),
        # To stop, to wait, to go on.
        ([], Cancel(), []),
        (BEGUN, Cancel(), ["cancel_requested"]),
        (WAITING, Cancel(), ["cancel_requested"]),
        ([*BEGUN, CANCELLED], Cancel(), []),
        ([], Pause(), []),
        (BEGUN, Pause(), ["session_paused"]),
        ([MESSAGE], Pause(), ["session_paused"]),
        (WAITING, Pause(), []),
        ([*BEGUN, PAUSED], Pause(), []),
        ([], Resume(), []),
        ([PAUSED], Resume(), ["session_resumed"]),
        ([PAUSED, CLOSED], Resume(), []),
        # What a session is called, and its end.
        ([], Rename(title="a"), ["session_renamed"]),
        ([e.SessionRenamed(title="a")], Rename(title="a"), []),
        ([], Rename(title=""), []),
        ([e.SessionRenamed(title="a")], Rename(title=""), ["session_renamed"]),
        # The model of a session.
        ([], ChooseModel(provider="p", model="m"), ["model_chosen"]),
        (BEGUN, ChooseModel(provider="p", model="m"), ["model_chosen"]),
        ([PAUSED], ChooseModel(provider="p", model="m"), ["model_chosen"]),
        ([CHOSEN], ChooseModel(provider="p", model="m", by="Ada"), []),
        ([CHOSEN], ChooseModel(provider="p", model="m", base_url="u"), ["model_chosen"]),
        ([CHOSEN], ChooseModel(), ["model_chosen"]),
        ([], ChooseModel(), []),
        ([], ChooseModel(provider="p"), errors.InvalidRequest),
        ([], ChooseModel(model="m"), errors.InvalidRequest),
        ([CLOSED], ChooseModel(provider="p", model="m"), errors.SessionIsClosed),
        ([], Close(), ["session_closed"]),
        (BEGUN, Close(), ["session_closed"]),
        ([CLOSED], Close(), []),
        ([MESSAGE], Close(at_seq=1), ["session_closed"]),
        ([MESSAGE, MESSAGE], Close(at_seq=1), []),
        # A decision about a call that waits for approval.
        (WAITING, decision("allow_once"), ["approval_decided"]),
        (WAITING, decision("allow_always"), ["approval_decided"]),
        (WAITING, decision("deny"), ["approval_decided", "tool_finished"]),
        (WAITING, decision("retry"), errors.InvalidRequest),
        (WAITING, decision("done"), errors.InvalidRequest),
        (WAITING, decision("failed"), errors.InvalidRequest),
        (WAITING, decision("allow_once", arguments_sha256=SHA), ["approval_decided"]),
        (WAITING, decision("allow_once", arguments_sha256="other"), errors.CallChanged),
        (WAITING, decision("allow_once", call="c2"), errors.NothingToDo),
        ([*WAITING, CANCELLED], decision("allow_once"), errors.NothingToDo),
        ([*WAITING, CLOSED], decision("allow_once"), errors.NothingToDo),
        ([*WAITING, decided("allow_once")], decision("deny"), errors.AlreadyDecided),
        ([*WAITING, decided("deny"), finished()], decision("allow_once"), errors.AlreadyDecided),
        # A decision about a call that may have run.
        (LOST, decision("retry"), ["tool_resolved"]),
        (LOST, decision("done"), ["tool_resolved", "tool_finished"]),
        (LOST, decision("failed"), ["tool_resolved", "tool_finished"]),
        (LOST, decision("allow_once"), errors.InvalidRequest),
        (LOST, decision("allow_always"), errors.InvalidRequest),
        (LOST, decision("deny"), errors.InvalidRequest),
        ([*LOST, resolved("retry")], decision("failed"), errors.AlreadyDecided),
        ([*ASKED, started(), lost(asks=False)], decision("retry"), errors.NothingToDo),
        # A decision where nothing waits for one.
        ([], decision("allow_once"), errors.NothingToDo),
        (ASKED, decision("allow_once"), errors.NothingToDo),
        ([*ASKED, started()], decision("retry"), errors.NothingToDo),
    ],
)
def test_each_input_is_admitted_or_refused(
    history: Sequence[e.Event], posted: Input, expected: list[str] | Refused
) -> None:
    state = folded(history)
    if isinstance(expected, list):
        admitted = admit(state, posted, "fresh")
        assert not isinstance(admitted, Already)
        assert [event.type for event in admitted] == expected
    else:
        with pytest.raises(expected):
            admit(state, posted, "fresh")


# --- whole values ---------------------------------------------------------------------------------------------------


def test_a_message_is_received_as_it_was_posted() -> None:
    posted = Message(text="hi", sender=e.Sender(name="Ann"), source="gateway", door="telegram", idempotency_key="k")
    posted = posted.model_copy(update={"attachments": (JUDGED,)})
    assert admit(folded([]), posted, "fresh") == [
        e.MessageReceived(
            message_id="fresh",
            text="hi",
            sender=e.Sender(name="Ann"),
            source="gateway",
            door="telegram",
            idempotency_key="k",
            fingerprint=fingerprint(posted),
            attachments=(JUDGED,),
        )
    ]
    assert admit(folded([]), HI, "fresh") == [e.MessageReceived(message_id="fresh", text="hi")]


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        (
            decision("allow_always", by="Ann", patterns=("x",), written=("touch *",)),
            [decided("allow_always", by="Ann", patterns=("touch *",))],
        ),
        (decision("allow_once", written=("touch *",), reason="ok"), [decided("allow_once", reason="ok")]),
        (
            decision("deny"),
            [
                decided("deny"),
                finished(outcome="denied", content="The call was denied by the user. Please try a different approach."),
            ],
        ),
        (
            decision("deny", reason="not here. "),
            [
                decided("deny", reason="not here. "),
                finished(
                    outcome="denied",
                    content="The call was denied by the user. The reason: not here. Please try a different approach.",
                ),
            ],
        ),
    ],
)
def test_an_approval_says_what_was_decided(posted: Decision, expected: Sequence[e.Event]) -> None:
    assert admit(folded(WAITING), posted, "fresh") == expected


@pytest.mark.parametrize(
    ("of", "outcome", "words"),
    [
        ("done", "ok", "A person looked and says that it was done. Its output is lost. They say: I saw it"),
        ("failed", "interrupted", "A person decided not to run it again. They say: I saw it"),
    ],
)
def test_a_lost_call_gets_the_result_that_a_person_gave(of: str, outcome: str, words: str) -> None:
    admitted = admit(folded(LOST), decision(of, by="Ann", reason="I saw it"), "fresh")
    assert isinstance(admitted, list)
    resolution, result = admitted
    assert resolution == e.ToolResolved.model_validate(
        {"turn": "t", "call": "c1", "resolution": of, "by": "Ann", "reason": "I saw it"}
    )
    assert isinstance(result, e.ToolFinished)
    assert (result.outcome, result.tool) == (outcome, "bash")
    assert result.content.endswith(words)


@pytest.mark.parametrize(
    ("history", "of", "words"),
    [
        (WAITING, "retry", "this call waits for approval: allow_once, allow_session, allow_always or deny"),
        (LOST, "deny", "this call may have run already: retry, done, or failed (give it up)"),
    ],
)
def test_a_decision_that_does_not_fit_is_told_what_would(history: Sequence[e.Event], of: str, words: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        admit(folded(history), decision(of), "fresh")
    assert str(refused.value) == words


def test_a_late_decision_is_told_the_first() -> None:
    history = [*WAITING, decided("deny", by="Ann"), finished(outcome="denied")]
    with pytest.raises(errors.AlreadyDecided) as refused:
        admit(folded(history), decision("allow_once"), "fresh")
    first = refused.value
    assert (first.call, first.decision, first.by, first.seq) == ("c1", "deny", "Ann", 6)


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("posted", [HI, Cancel(by="Ann"), decision("allow_once")])
def test_the_same_request_under_a_key_counts_once(posted: Message | Cancel | Decision) -> None:
    keyed = posted.model_copy(update={"idempotency_key": "k"})
    history = list(WAITING)
    admitted = admit(folded(history), keyed, "fresh")
    assert not isinstance(admitted, Already)
    history += admitted
    message_id = "fresh" if isinstance(posted, Message) else ""
    remembered = Remembered("k", fingerprint(posted), len(history), message_id)
    assert admit(folded(history), keyed, "another") == Already(remembered)
    assert admit(folded([*history, CLOSED]), keyed, "another") == Already(remembered), "also when the session is closed"


@pytest.mark.parametrize("other", [Message(text="ho"), Cancel(), decision("deny")])
def test_another_request_under_a_known_key_is_refused(other: Message | Cancel | Decision) -> None:
    history = [*WAITING, message(idempotency_key="k", fingerprint=fingerprint(HI))]
    with pytest.raises(errors.IdempotencyMismatch):
        admit(folded(history), other.model_copy(update={"idempotency_key": "k"}), "fresh")


def test_a_key_is_forgotten_after_so_many_others() -> None:
    keyed = HI.model_copy(update={"idempotency_key": "k0"})

    def history(others: int) -> list[e.Event]:
        later = [message(idempotency_key=f"k{n}", fingerprint=fingerprint(HI)) for n in range(others + 1)]
        return [*later, *BEGUN, called(input_seq=others + 3), replied()]

    assert isinstance(admit(folded(history(REMEMBERED_KEYS - 1)), keyed, "fresh"), Already)
    assert not isinstance(admit(folded(history(REMEMBERED_KEYS)), keyed, "fresh"), Already)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (HI, HI.model_copy(update={"idempotency_key": "k"}), True),
        (HI, Message(text="hi", door="page"), True),
        (HI, Message(text="hi", source="cli"), False),
        (HI, Message(text="hi", attachments=(FILE,)), False),
        (Message(text="hi", attachments=(FILE,)), Message(text="hi", attachments=(JUDGED,)), True),
        (Message(text="hi", attachments=(FILE,)), Message(text="hi", attachments=(FILE, FILE)), False),
        (HI, Message(text="hi", sender=e.Sender(name="Ann")), False),
        (HI, Message(text="ho"), False),
        (Cancel(), Cancel(by="Ann"), False),
        (decision("deny"), decision("deny", written=("x",)), True),
        (decision("deny"), decision("deny", reason="no"), False),
    ],
)
def test_fingerprints_are_of_what_was_asked_for(
    one: Message | Cancel | Decision, other: Message | Cancel | Decision, same: bool
) -> None:
    assert (fingerprint(one) == fingerprint(other)) is same


def test_fingerprints_stay_what_they_were() -> None:
    """They are in logs: a key that is repeated after an upgrade must still be known."""
    assert [fingerprint(posted) for posted in (HI, Cancel(), decision("deny"))] == [
        "f89e745d023e7b95",
        "b3f3857452c4c13f",
        "f77796062cf895dc",
    ]


# --- until the session ends -----------------------------------------------------------------------------------------


def allowing(*patterns: str) -> Decision:
    return Decision(call="c1", decision="allow_session", written=patterns)


def test_what_is_allowed_until_the_session_ends_is_in_the_decision() -> None:
    [event] = decided_events([*ASKED, requested()], allowing("bash:make *"))
    assert isinstance(event, e.ApprovalDecided)
    assert (event.decision, event.patterns) == ("allow_session", ("bash:make *",))


@pytest.mark.parametrize(
    "patterns", [[f"bash:{at}" for at in range(MAX_ALLOWED + 1)], ["bash:" + "x" * MAX_ALLOWED_CHARS]]
)
def test_a_session_has_room_for_so_many_allowances(patterns: list[str]) -> None:
    with pytest.raises(errors.InvalidRequest, match="no room"):
        admit(folded([*ASKED, requested()]), allowing(*patterns), "m")
    assert admit(folded([*ASKED, requested()]), allowing(*(pattern[:9] for pattern in patterns[:-1])), "m")


def test_only_what_is_allowed_can_be_taken_back() -> None:
    state = folded([*ASKED, requested(), *decided_events([*ASKED, requested()], allowing("bash:a", "bash:b"))])
    revoked = admit(state, Revocation(patterns=("bash:c", "bash:b"), by="Ada"), "m")
    assert revoked == [e.AllowanceRevoked(patterns=("bash:b",), by="Ada")]
    assert admit(state, Revocation(patterns=("bash:c",)), "m") == []


def decided_events(history: Sequence[e.Event], posted: Decision) -> Sequence[e.Event]:
    found = admit(folded(history), posted, "m")
    assert not isinstance(found, Already)
    return found

"""Which turn answers a message, and how it ended. The records begin after message 10, one seq after another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.journal.answer import APPROVAL_REQUIRED, TURN_PAUSED, AnswerFold, TurnAnswer
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    Event,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionClosed,
    SessionPaused,
    SessionResumed,
    ToolFinished,
    ToolLost,
    ToolResolved,
    TurnEnded,
    TurnOutcome,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from tests.support.histories import CHOICES, TS, history

N = 10


def started(turn: str = "t", trigger: int = N) -> TurnStarted:
    return TurnStarted(turn=turn, trigger=trigger)


def called(turn: str = "t", input_seq: int = N, step: int = 1) -> ModelCalled:
    return ModelCalled(turn=turn, step=step, attempt=1, epoch=1, model="m", input_seq=input_seq)


def replied(text: str, turn: str = "t", step: int = 1) -> ModelReplied:
    return ModelReplied(message_id=f"id of {text}", turn=turn, step=step, text=text)


def failed(error: str, partial: str = "", turn: str = "t") -> ModelFailed:
    return ModelFailed(turn=turn, step=1, attempt=1, error=error, partial_text=partial, message_id="p")


def ended(outcome: TurnOutcome, code: str = "", reason: str = "", turn: str = "t") -> TurnEnded:
    return TurnEnded(turn=turn, outcome=outcome, code=code, reason=reason)


REQUESTED = ApprovalRequested(turn="t", call="c", tool="bash", arguments_sha256="5a")
LOST = ToolLost(turn="t", call="c", asks=True)
ALLOWED = ApprovalDecided(turn="t", call="c", decision="allow_once", arguments_sha256="5a")
PAUSE, RESUME, CLOSE = SessionPaused(reason="nobody is there"), SessionResumed(), SessionClosed(reason="the end")
LIMIT = ended("paused", "max-tool-iterations", "10 questions")
ASKED = (APPROVAL_REQUIRED, "a person has to decide about a tool call")
Told = tuple[str, str, str, str | None, str | None]
"""outcome, code, reason, text of the reply, text of the failed attempt"""

TABLE: dict[str, tuple[list[Event], Told | None]] = {
    # --- no end yet
    "nothing happened": ([], None),
    "the turn began": ([started()], None),
    "the model replied": ([started(), called(), replied("yes")], None),
    "an attempt failed": ([started(), called(), failed("model-unavailable", "ye")], None),
    # --- ways in which a turn can end
    "completed": (
        [started(), called(), replied("yes"), ended("completed")],
        ("completed", "", "", "yes", None),
    ),
    "the last reply counts": (
        [started(), called(), replied("look"), called(step=2), replied("yes", step=2), ended("completed")],
        ("completed", "", "", "yes", None),
    ),
    "a reply replaces the attempt that failed before it": (
        [started(), called(), failed("model-unavailable", "ye"), called(), replied("yes"), ended("completed")],
        ("completed", "", "", "yes", None),
    ),
    "failed": (
        [started(), called(), failed("model-timeout", "ye"), ended("failed", "model-timeout", "too slow")],
        ("failed", "model-timeout", "too slow", None, "ye"),
    ),
    "failed before any question to the model": (
        [started(), ended("failed", "agent-broken", "no agent")],
        ("failed", "agent-broken", "no agent", None, None),
    ),
    "failed after a reply": (
        [started(), called(), replied("look"), called(step=2), failed("model-timeout"), ended("failed", "x", "y")],
        ("failed", "x", "y", "look", ""),
    ),
    "cancelled in the middle of an answer": (
        [started(), called(), failed("cancelled", "ye"), ended("cancelled")],
        ("cancelled", "", "", None, "ye"),
    ),
    "cancelled after a reply, in the next answer": (
        [started(), called(), replied("look"), called(step=2), failed("cancelled", "ye"), ended("cancelled")],
        ("cancelled", "", "", "look", "ye"),
    ),
    "cancelled before any word": ([started(), ended("cancelled")], ("cancelled", "", "", None, None)),
    "nothing counts after the end": (
        [started(), replied("yes"), ended("completed"), PAUSE, replied("no"), ended("failed"), CLOSE],
        ("completed", "", "", "yes", None),
    ),
    # --- other turns
    "a turn that began before": (
        [replied("to somebody else", "old"), ended("completed", turn="old")],
        None,
    ),
    "a turn for another message": (
        [started("old", 9), called("old", 9), replied("no", "old"), ended("failed", "x", "y", "old")],
        None,
    ),
    "another turn first, then its own": (
        [ended("completed", turn="old"), started(), replied("yes"), ended("completed")],
        ("completed", "", "", "yes", None),
    ),
    "a reply that the running turn gave before it saw the message": (
        [replied("no", "old"), called("old", N + 1, 2), replied("yes", "old", 2), ended("completed", turn="old")],
        ("completed", "", "", "yes", None),
    ),
    "the running turn takes it up": (
        [called("old", N, 2), failed("rate-limited"), ended("failed", "rate-limited", "slow down", "old")],
        ("failed", "rate-limited", "slow down", None, None),
    ),
    "joined: one turn for several messages": (
        [started("t", 8), called("t", N), replied("to all"), ended("completed")],
        ("completed", "", "", "to all", None),
    ),
    "the turn for an older message ends before it sees this one": (
        [started("old", 9), ended("failed", "agent-broken", "no", "old"), started(), ended("cancelled")],
        ("cancelled", "", "", None, None),
    ),
    # --- pauses
    "paused from outside": ([started(), called(), PAUSE], ("paused", TURN_PAUSED, "nobody is there", None, None)),
    "paused from outside, with what was said": (
        [started(), called(), replied("look"), called(step=2), PAUSE, failed("paused", "ye")],
        ("paused", TURN_PAUSED, "nobody is there", "look", "ye"),
    ),
    "paused before a turn began": ([PAUSE], ("paused", TURN_PAUSED, "nobody is there", None, None)),
    "paused without a reason": ([started(), SessionPaused()], ("paused", TURN_PAUSED, "", None, None)),
    "paused and resumed": ([started(), PAUSE, RESUME], None),
    "paused, resumed, completed": (
        [started(), called(), PAUSE, failed("paused", "y"), RESUME, called(), replied("yes"), ended("completed")],
        ("completed", "", "", "yes", None),
    ),
    "paused, and cancelled meanwhile": (
        [started(), called(), PAUSE, failed("paused", "y"), ended("cancelled")],
        ("cancelled", "", "", None, "y"),
    ),
    "paused by a limit": (
        [started(), called(), replied("look"), LIMIT],
        ("paused", "max-tool-iterations", "10 questions", "look", None),
    ),
    "paused by the limit of another turn": (
        [ended("paused", "turn-budget", "spent", "old")],
        ("paused", "turn-budget", "spent", None, None),
    ),
    "paused by a limit, and resumed": ([started(), called(), LIMIT, RESUME], None),
    "paused by a limit, and taken up again": (
        [started(), replied("look"), LIMIT, RESUME, started("t2"), replied("yes", "t2"), ended("completed", turn="t2")],
        ("completed", "", "", "yes", None),
    ),
    "taken up again, and paused from outside": (
        [started(), replied("look"), LIMIT, RESUME, started("t2"), PAUSE],
        ("paused", TURN_PAUSED, "nobody is there", "look", None),
    ),
    "taken up again by a turn for several messages": (
        [
            *(started(), replied("look"), LIMIT, RESUME, MessageReceived(message_id="m", text="go on")),
            *(started("t2"), called("t2", 15), replied("yes", "t2"), ended("completed", turn="t2")),
        ],
        ("completed", "", "", "yes", None),
    ),
    # --- questions to a person
    "waits for approval": ([started(), called(), REQUESTED], ("waiting", *ASKED, None, None)),
    "waits behind another turn's question": ([REQUESTED], ("waiting", *ASKED, None, None)),
    "waits for a word about a lost call": ([started(), LOST], ("waiting", *ASKED, None, None)),
    "a lost call that asks nothing": ([started(), LOST.model_copy(update={"asks": False})], None),
    "allowed": ([started(), REQUESTED, ALLOWED], None),
    "resolved": ([started(), LOST, ToolResolved(call="c", resolution="retry")], None),
    "settled without a decision": ([started(), REQUESTED, ToolFinished(call="c", outcome="skipped")], None),
    "asked again": ([started(), REQUESTED, ALLOWED, REQUESTED], ("waiting", *ASKED, None, None)),
    "a pause comes before a question": (
        [started(), REQUESTED, PAUSE],
        ("paused", TURN_PAUSED, "nobody is there", None, None),
    ),
    # --- a closed session
    "closed before a turn took it up": ([CLOSE], ("cancelled", "", "the end", None, None)),
    "closed without a reason": ([SessionClosed()], ("cancelled", "", "the session was closed", None, None)),
    "closed while another turn runs": ([called("old", 9), CLOSE], ("cancelled", "", "the end", None, None)),
    "closed while its turn runs": ([started(), called(), CLOSE], None),
    "closed, and its turn has ended": (
        [started(), called(), CLOSE, failed("cancelled", "ye"), ended("cancelled")],
        ("cancelled", "", "", None, "ye"),
    ),
    "closed while it waits for approval": ([started(), REQUESTED, CLOSE], None),
    "closed while paused by a limit": (
        [started(), replied("look"), LIMIT, CLOSE],
        ("paused", "max-tool-iterations", "10 questions", "look", None),
    ),
    "closed between a resume and the next turn": (
        [started(), replied("look"), LIMIT, RESUME, CLOSE],
        ("cancelled", "", "the end", "look", None),
    ),
}


def told(answer: TurnAnswer | None) -> Told | None:
    if answer is None:
        return None
    text = answer.reply.text if answer.reply else None
    partial = answer.failed.partial_text if answer.failed else None
    return answer.outcome, answer.code, answer.reason, text, partial


def fed(events: list[Event], seq: int = N, turn: str = "") -> AnswerFold:
    fold = AnswerFold(seq, turn)
    fold.take_all(Record(number, TS, event) for number, event in enumerate(events, N + 1))
    return fold


@pytest.mark.parametrize("case", TABLE)
def test_what_answers_a_message(case: str) -> None:
    events, expected = TABLE[case]
    assert told(fed(events).now) == expected


@pytest.mark.parametrize("case", TABLE)
def test_only_an_end_is_final(case: str) -> None:
    events, expected = TABLE[case]
    final = expected if expected and expected[0] in ("completed", "failed", "cancelled") else None
    assert told(fed(events).ended) == final


@pytest.mark.parametrize("case", TABLE)
def test_what_came_before_the_message_counts_for_nothing(case: str) -> None:
    events, expected = TABLE[case]
    fold = AnswerFold(N)
    for number, event in enumerate(BEFORE + events, N - len(BEFORE) + 1):
        fold.take(Record(number, TS, event))
    assert told(fold.now) == expected


HI = MessageReceived(message_id="m", text="hi")
BEFORE: list[Event] = [PAUSE, started("o", 1), replied("no", "o"), REQUESTED, CLOSE, HI]


def test_an_answer_says_which_records_hold_it() -> None:
    now = fed([started(), called(), replied("look"), called(step=2), failed("cancelled", "ye"), ended("cancelled")]).now
    assert now is not None
    assert (now.reply_seq, now.failed_seq) == (13, 15)


def test_the_fold_knows_whether_a_turn_has_begun_and_which_and_how_far_it_has_come() -> None:
    seen = []
    fold = AnswerFold(N)
    happened: list[Event] = [REQUESTED, started(), LIMIT, RESUME, started("t2")]
    for number, event in enumerate(happened, N + 1):
        fold.take(Record(number, TS, event))
        seen.append((fold.begun, fold.turn, fold.head))
    assert seen == [(False, "", 11), (True, "t", 12), (True, "t", 13), (True, "t", 14), (True, "t2", 15)]


@pytest.mark.parametrize("decided", [ALLOWED, ToolResolved(turn="t", call="c", resolution="retry")])
def test_the_turn_of_a_decision_is_the_one_that_was_decided_about(decided: Event) -> None:
    rest: list[Event] = [ToolFinished(call="c", outcome="ok"), called("t", 12, 2), replied("yes"), ended("completed")]
    by_record, by_name = fed([decided, *rest], N + 1), AnswerFold(N + 1, "t")
    by_name.take_all(Record(number, TS, event) for number, event in enumerate(rest, N + 2))
    assert told(by_record.now) == told(by_name.now) == ("completed", "", "", "yes", None)


def test_a_decision_in_another_place_names_no_turn() -> None:
    assert not fed([HI, ALLOWED], N + 1).begun


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (SessionState("s"), None),
        (SessionState("s", paused=True, pause_reason="older"), ("paused", TURN_PAUSED, "older", None, None)),
    ],
)
def test_the_state_also_knows_what_is_older_than_the_records(state: SessionState, expected: Told | None) -> None:
    assert told(AnswerFold(N, "t").now_in(state)) == expected
    done = fed([started(), replied("yes"), ended("completed")])
    assert told(done.now_in(state)) == ("completed", "", "", "yes", None)


@given(CHOICES, st.data())
def test_the_records_and_the_state_agree_on_the_answer_of_a_message(choices: list[int], data: st.DataObject) -> None:
    happened = history(choices)
    messages = [record.seq for record in happened.records if isinstance(record.event, MessageReceived)]
    if not messages:
        return
    fold = AnswerFold(data.draw(st.sampled_from(messages)))
    for batch, state in zip(happened.batches, happened.states, strict=True):
        fold.take_all(batch)
        is_older = state.asks is not None and state.asks.asked_seq < fold.seq
        if state.seq >= fold.seq and not is_older:
            assert fold.now == fold.now_in(state)

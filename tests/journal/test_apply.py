"""The fold: total, the same live and after a restart, and what each event changes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.journal import events as e
from duragent.journal.apply import apply, reduce
from duragent.journal.record import Record, crc_seed, decode, encode
from duragent.journal.snapshot import Snapshot, dump
from duragent.journal.state import REMEMBERED_KEYS, ChosenModel, SessionState
from tests.journal.histories import (
    ASKED,
    BEGUN,
    CANCELLED,
    CLAIMED,
    CLOSED,
    FIRST,
    MESSAGE,
    PAUSED,
    RESUMED,
    SHA,
    at,
    called,
    decided,
    ended,
    failed,
    finished,
    folded,
    lost,
    message,
    replied,
    requested,
    resolved,
    started,
)
from tests.journal.strategies import RECORDS

SESSION = "session_01state"
SEED = crc_seed(SESSION)
TS = "2026-11-20T23:58:16.123Z"
HISTORIES = st.lists(RECORDS, max_size=25)


def state_of(records: list[Record]) -> SessionState:
    return reduce(SessionState(SESSION), records)


@given(HISTORIES)
def test_fold_takes_any_records_in_any_order(records: list[Record]) -> None:
    state = state_of(records)
    assert state.seq == (records[-1].seq if records else 0)
    assert state.status in ("active", "running", "paused", "completed")
    assert isinstance(state.has_work, bool)


@given(HISTORIES)
def test_state_is_the_same_live_and_after_a_restart(records: list[Record]) -> None:
    stored = [decode(encode(record, SEED).line, SEED) for record in records]
    assert state_of(stored) == state_of(records)


@given(HISTORIES, st.integers(0, 25))
def test_fold_may_be_interrupted_anywhere(records: list[Record], at: int) -> None:
    assert reduce(state_of(records[:at]), records[at:]) == state_of(records)


@given(HISTORIES)
def test_records_of_unknown_types_move_only_the_place_and_the_time(records: list[Record]) -> None:
    before = state_of(records)
    later = Record(before.seq + 1, "2030-01-01T00:00:00.000Z", e.Opaque(type="moon_landed"))
    after = apply(before, later)
    assert after == dataclasses.replace(
        before, seq=later.seq, updated_at=later.ts, created_at=before.created_at or later.ts
    )


def test_state_stays_small() -> None:
    received = [
        Record(
            seq,
            TS,
            e.MessageReceived(message_id=f"m{seq}", text="x" * 1000, source="legacy", idempotency_key=f"k{seq}"),
        )
        for seq in range(1, 3001)
    ]
    state = state_of(received)
    assert [request.key for request in state.remembered] == [f"k{seq}" for seq in range(3001 - REMEMBERED_KEYS, 3001)]
    failed = Record(3001, TS, e.SessionPaused(reason="r" * 100_000))
    assert len(dump(Snapshot(apply(state, failed), "00000000"))) < 64_000


# --- what each event changes ----------------------------------------------------------------------------------------

WAITING = [*ASKED, requested(expires_at="2027", place="bubblewrap")]
LOST = [*ASKED, started(attempt=2, effect="idempotent", spool="s1"), lost(asks=True)]


def _at_path(state: Any, path: str) -> Any:
    """`turn.calls.0.status` of a state."""
    for name in path.split("."):
        state = state[int(name)] if name.isdigit() else getattr(state, name)
    return state


@pytest.mark.parametrize(
    ("events", "changed"),
    [
        # The session.
        (
            [
                e.SessionCreated(
                    agent="a", title="t", source="cli", door="page", parent="s1@2", gateway="g", chat_id="c"
                )
            ],
            {"agent": "a", "title": "t", "source": "cli", "door": "page", "parent": "s1@2", "gateway": "g"},
        ),
        ([e.SessionCreated(agent="a", fingerprint="f", on_disconnect="pause")], {"fingerprint": "f", "chat_id": None}),
        ([e.SessionCreated(agent="a")], {"created_at": at(1), "updated_at": at(1), "seq": 1, "source": "http"}),
        ([MESSAGE, MESSAGE], {"created_at": at(1), "updated_at": at(2), "seq": 2}),
        ([CLAIMED], {"epoch": 2, "node": "n", "turn": None}),
        ([PAUSED], {"paused": True, "pause_reason": "wait", "paused_at": at(1)}),
        ([PAUSED, RESUMED], {"paused": False, "pause_reason": "", "paused_at": ""}),
        ([e.SessionRenamed(title="t")], {"title": "t"}),
        ([e.SessionRenamed(title="t"), e.SessionRenamed()], {"title": None}),
        ([e.SessionCreated(agent="a")], {"model_choice": None, "has_system": False}),
        (
            [e.SessionCreated(agent="a", model="openrouter/a/b", system="s")],
            {"model_choice": ChosenModel("openrouter", "a/b"), "has_system": True},
        ),
        ([e.SessionCreated(agent="a", model="no provider", system=" ")], {"model_choice": None, "has_system": False}),
        ([e.ModelChosen(provider="p", model="m")], {"model_choice": ChosenModel("p", "m")}),
        (
            [e.SessionCreated(agent="a", model="p/m"), e.ModelChosen(provider="q", model="n", base_url="u")],
            {"model_choice.label": "q/n", "model_choice.base_url": "u"},
        ),
        ([e.SessionCreated(agent="a", model="p/m"), e.ModelChosen()], {"model_choice": None}),
        ([CLOSED], {"closed": True, "status": "completed"}),
        ([e.LogRecovered(offset=1, size_bytes=2, saved_as="events.torn-1")], {"repaired": 0}),
        ([MESSAGE, e.LogRecovered(offset=1, size_bytes=2, saved_as="events.damaged-1")], {"repaired": 2}),
        ([e.LogRecovered(offset=1, size_bytes=0, saved_as="")], {"repaired": 1}),
        ([e.HistoryAdopted(lines=3)], {"seq": 1, "turn": None}),
        # Messages.
        ([MESSAGE, MESSAGE], {"waiting": (1, 2), "waiting_from_machines": (), "totals.messages": 2}),
        ([MESSAGE, message(source="schedule")], {"waiting": (1, 2), "waiting_from_machines": (2,)}),
        ([message(source="agent"), MESSAGE], {"waiting_from_people": (2,), "waiting_from_machines": (1,)}),
        ([message(source="a later one")], {"waiting_from_people": (1,), "waiting_from_machines": ()}),
        ([message(source="legacy")], {"waiting": (), "waiting_from_machines": (), "totals.messages": 1}),
        # A turn.
        (BEGUN, {"turn.id": "t", "turn.trigger": 1, "turn.started_at": at(2), "turn.asking": None, "waiting": (1,)}),
        (
            [*BEGUN, called(2, 3, input_seq=2, reserved_tokens=7, reserved_usd=0.5)],
            {"turn.asking.step": 2, "turn.asking.attempt": 3, "turn.asking.status": "open", "turn.asking.input_seq": 2}
            | {"turn.asking.reserved_tokens": 7, "turn.asking.reserved_usd": 0.5},
        ),
        (ASKED, {"turn.asking.status": "replied", "turn.reply_seq": 4, "turn.final": False, "waiting": ()}),
        (ASKED, {"turn.calls.0.call": "c1", "turn.calls.1.call": "c2", "turn.calls.0.status": "requested"}),
        ([*BEGUN, called(), replied()], {"turn.final": True, "turn.refused": False, "turn.calls": ()}),
        ([*BEGUN, called(), replied(text="", finish_reason="content_filter")], {"turn.refused": True}),
        ([*BEGUN, called(), MESSAGE, replied()], {"waiting": (4,)}),
        (
            [*BEGUN, message(source="agent"), called(input_seq=3), replied()],
            {"waiting": (), "waiting_from_machines": ()},
        ),
        ([*BEGUN, called(), message(source="agent"), replied()], {"waiting": (4,), "waiting_from_machines": (4,)}),
        (
            [*BEGUN, called(), failed("broken", message="it broke", retry_after_seconds=3)],
            {"turn.asking.status": "failed", "turn.asking.error": "broken", "turn.asking.message": "it broke"}
            | {"turn.asking.retry": True, "turn.asking.retry_after_seconds": 3, "turn.asking.failed_at": at(4)}
            | {"turn.failures": 1},
        ),
        ([*BEGUN, called(), failed("interrupted")], {"turn.failures": 0}),
        ([*BEGUN, called(), failed(), called(attempt=2), failed()], {"turn.failures": 2}),
        ([*BEGUN, called(), failed(), called(2)], {"turn.failures": 0}),
        ([*BEGUN, called(), failed(), called(attempt=2), replied()], {"turn.failures": 0}),
        ([*BEGUN, CANCELLED], {"turn.cancelled": True}),
        ([*BEGUN, e.CancelRequested(turn="another")], {"turn.cancelled": False}),
        ([*BEGUN, ended("completed")], {"turn": None, "waiting": (), "totals.turns": 1, "paused": False}),
        ([*BEGUN, MESSAGE, ended("failed")], {"turn": None, "waiting": (3,)}),
        ([*BEGUN, message(source="agent"), ended("failed")], {"waiting": (3,), "waiting_from_machines": (3,)}),
        ([*BEGUN, called(), replied(), ended("paused", reason="spent")], {"paused": True, "pause_reason": "spent"}),
        ([*BEGUN, called(), replied(), ended("paused")], {"waiting": (1,), "paused_at": at(5), "turn": None}),
        ([*BEGUN, called(), MESSAGE, replied(), ended("paused")], {"waiting": (1, 4)}),
        ([*BEGUN, e.TurnEnded(turn="another", outcome="completed")], {"turn.id": "t", "totals.turns": 0}),
        # What a turn and a session cost.
        (
            [
                *BEGUN,
                called(),
                replied(usage=e.TokenCounts(input=5, output=3, cached_input=2, reasoning=1), cost_usd=0.5),
            ],
            {"turn.tokens": 8, "turn.cost_usd": 0.5, "totals.input_tokens": 5, "totals.output_tokens": 3}
            | {
                "totals.cached_input_tokens": 2,
                "totals.reasoning_tokens": 1,
                "totals.cost_usd": 0.5,
                "totals.unpriced": 0,
            },
        ),
        ([*BEGUN, called(), replied(cost_usd=None)], {"totals.unpriced": 1, "turn.cost_usd": 0.0}),
        (
            [*BEGUN, called(), failed("interrupted", possible_tokens=9, possible_usd=0.25)],
            {"turn.unknown_tokens": 9, "turn.unknown_usd": 0.25, "totals.unknown_attempts": 1}
            | {"totals.unknown_tokens": 9, "totals.unknown_usd": 0.25, "turn.tokens": 0, "totals.input_tokens": 0},
        ),
        ([*BEGUN, called(), failed("rate-limited")], {"totals.unknown_attempts": 0, "turn.unknown_tokens": 0}),
        # A call.
        (
            WAITING,
            {"turn.calls.0.status": "waiting", "turn.calls.0.arguments_sha256": SHA, "turn.calls.0.asked_seq": 5}
            | {"turn.calls.0.asked_at": at(5), "turn.calls.0.expires_at": "2027", "turn.calls.0.place": "bubblewrap"}
            | {"asks.call": "c1", "status": "paused", "has_work": False},
        ),
        ([*WAITING, decided("allow_once", by="Ann")], {"turn.calls.0.status": "approved", "decided.0.by": "Ann"}),
        (
            [*WAITING, decided("deny")],
            {"turn.calls.0.status": "denied", "decided.0.seq": 6, "decided.0.decision": "deny"},
        ),
        (
            LOST,
            {"turn.calls.0.status": "lost", "turn.calls.0.asks": True, "turn.calls.0.attempt": 2, "asks.call": "c1"}
            | {"turn.calls.0.effect": "idempotent", "turn.calls.0.spool": "s1", "turn.calls.0.epoch": 1},
        ),
        ([*LOST, resolved("retry")], {"turn.calls.0.status": "approved", "turn.calls.0.asks": False, "asks": None}),
        ([*LOST, resolved("failed")], {"turn.calls.0.status": "lost", "decided.0.decision": "failed"}),
        ([*ASKED, finished("c1")], {"turn.calls.0.call": "c2"}),
        ([*ASKED, e.ToolsSkipped(calls=("c1", "c2"))], {"turn.calls": ()}),
        ([*ASKED, finished(signature="x"), finished("c2", signature="x")], {"turn.repeats": (("x", 2),)}),
        # Time in which a person had to decide, or no server ran, is idle.
        ([*WAITING, decided("allow_once")], {"turn.idle_seconds": 1.0}),
        ([*BEGUN, CLAIMED], {"turn.idle_seconds": 1.0, "turn.restarts": 1, "turn.recoveries": 0}),
        ([*WAITING, CLAIMED], {"turn.idle_seconds": 0.0, "turn.restarts": 0, "turn.recoveries": 0}),
        ([*BEGUN, PAUSED, RESUMED], {"turn.idle_seconds": 1.0}),
        # An owner that finds work of the turn orphaned.
        ([*BEGUN, called(), CLAIMED], {"turn.recoveries": 1, "turn.restarts": 1}),
        ([*ASKED, started(), CLAIMED], {"turn.recoveries": 1, "turn.restarts": 1}),
        ([*ASKED, started(), CLAIMED, finished()], {"turn.recoveries": 0, "turn.restarts": 0}),
        ([*ASKED, started(), CLAIMED, finished(outcome="interrupted")], {"turn.recoveries": 1, "turn.restarts": 1}),
        (
            [*BEGUN, called(), CLAIMED, failed("interrupted", partial_text="a")],
            {"turn.recoveries": 0, "turn.restarts": 1},
        ),
        ([*BEGUN, called(), CLAIMED, failed("interrupted")], {"turn.recoveries": 1, "turn.restarts": 1}),
        ([*BEGUN, called(), CLAIMED, replied(FIRST)], {"turn.recoveries": 0, "turn.restarts": 0}),
    ],
)
def test_what_the_state_says_after_these_events(events: Sequence[e.Event], changed: dict[str, Any]) -> None:
    state = folded(events)
    assert {path: _at_path(state, path) for path in changed} == changed


@pytest.mark.parametrize(
    "event",
    [
        called(),
        replied(FIRST),
        failed(),
        ended("completed"),
        requested(),
        started(),
        lost(asks=True),
        finished(),
        e.ToolsSkipped(calls=("c1",)),
    ],
    ids=lambda event: event.type,
)
def test_events_of_a_turn_without_an_open_turn_open_none(event: e.Event) -> None:
    state = folded([event])
    assert (state.turn, state.waiting, state.paused) == (None, (), False)


@pytest.mark.parametrize(
    ("earlier", "later", "seconds"),
    [
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:01:30.500Z", 90.5),
        ("2026-01-01T00:01:00.000Z", "2026-01-01T00:00:00.000Z", 0.0),
        ("yesterday", "2026-01-01T00:00:00.000Z", 0.0),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00.000Z", 0.0),
    ],
)
def test_a_clock_that_goes_back_or_says_nothing_is_no_idle_time(earlier: str, later: str, seconds: float) -> None:
    paused = apply(folded(BEGUN), Record(3, earlier, PAUSED))
    turn = apply(paused, Record(4, later, RESUMED)).turn
    assert turn is not None
    assert turn.idle_seconds == seconds


def test_what_is_allowed_in_a_session_is_kept_until_it_is_taken_back_or_the_session_ends() -> None:
    make, ls = "bash:make *", "bash:ls *"
    history = [*ASKED, requested(), decided("allow_session", patterns=(make,)), finished("c1")]
    again: list[e.Event] = [requested("c2"), decided("allow_session", "c2", patterns=(make, ls))]
    assert folded(history).allowed == (make,)
    assert folded([*history, *again]).allowed == (make, ls)
    assert folded([*history, *again, e.AllowanceRevoked(patterns=(make, "bash:x"))]).allowed == (ls,)
    assert folded([*history, CLOSED]).allowed == ()
    assert folded([*ASKED, requested(), CLOSED, decided("allow_session", patterns=(make,))]).allowed == ()
    for other in ("allow_once", "allow_always", "deny"):
        assert folded([*ASKED, requested(), decided(other, patterns=(make,))]).allowed == ()

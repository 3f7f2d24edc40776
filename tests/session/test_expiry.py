"""What expires, by its state and the clock: tables over the two pure functions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from duragent.agent.load import load_agent
from duragent.journal.inputs import Close, Decision
from duragent.journal.state import OpenCall, OpenTurn, SessionState
from duragent.session.expiry import expired_approvals, expired_sessions
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.ports import Ports
from duragent.turn.settings import SessionsSettings
from tests.support.house import Speakers, write_agent
from tests.support.workbench import workbench_in

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
OLD, NEW = "2026-01-09T11:59:59.000Z", "2026-01-10T11:00:00.000Z"
WAITING = OpenCall("call_1", "bash", "waiting", expires_at="2026-01-10T11:59:00.000Z")


def _spawn(work: Any) -> Any:
    raise AssertionError("nothing runs here")


@pytest.fixture
def ports(tmp_path: Path) -> Callable[..., Ports]:
    def make(own: float | None = None, all_agents: float = 24) -> Ports:
        rest = "" if own is None else f"  session: {{ttl_hours: {own}}}"
        agents = Speakers({"assistant": load_agent(write_agent(tmp_path, rest=rest))})
        settings = SessionsSettings(ttl_hours=all_agents)
        return Ports(
            MemoryStore(),
            FakeClock(NOW),
            "n",
            agents,
            lambda _: ScriptedModel(),
            settings,
            _spawn,
            workbench_in(tmp_path),
        )

    return make


def state(**facts: Any) -> SessionState:
    return replace(SessionState("session_1", seq=7, agent="assistant", updated_at=OLD, epoch=1), **facts)


@pytest.mark.parametrize(
    ("facts", "expires"),
    [
        ({}, True),
        ({"updated_at": NEW}, False),
        ({"closed": True}, False),
        ({"epoch": 0}, False),
        ({"turn": OpenTurn("t", 1)}, False),
        ({"turn": OpenTurn("t", 1, calls=(WAITING,))}, False),
        ({"waiting": (3,)}, False),
        ({"waiting": (3,), "paused": True}, True),
        ({"agent": "gone"}, True),
    ],
)
def test_session_that_was_idle_too_long_is_closed_unless_it_works_or_asks(
    ports: Callable[..., Ports], facts: dict[str, Any], expires: bool
) -> None:
    found = list(expired_sessions([state(**facts)], ports()))
    assert found == ([("session_1", Close(reason="not used for 24 hours", at_seq=7))] if expires else [])


@pytest.mark.parametrize(
    ("own", "all_agents", "reason"),
    [
        (None, 24, "not used for 24 hours"),
        (1.5, 24, "not used for 1.5 hours"),
        (1000, 24, ""),
        (0, 24, ""),
        (None, 0, ""),
    ],
)
def test_hours_are_the_agents_own_or_else_those_of_the_configuration(
    ports: Callable[..., Ports], own: float | None, all_agents: float, reason: str
) -> None:
    assert [close.reason for _, close in expired_sessions([state()], ports(own, all_agents))] == [
        each for each in [reason] if each
    ]


@pytest.mark.parametrize(
    ("call", "expires"),
    [
        (WAITING, True),
        (replace(WAITING, expires_at="2026-01-10T12:00:00.000Z"), True),
        (replace(WAITING, expires_at="2026-01-10T12:00:01.000Z"), False),
        (replace(WAITING, expires_at=""), False),
        (replace(WAITING, status="lost", asks=True), False),
        (replace(WAITING, status="approved"), False),
    ],
)
def test_approval_that_was_not_given_in_time_is_denied(
    ports: Callable[..., Ports], call: OpenCall, expires: bool
) -> None:
    found = list(expired_approvals([state(turn=OpenTurn("t", 1, calls=(call,)))], ports()))
    reason = f"nobody answered until {call.expires_at}"
    denial = Decision(call="call_1", decision="deny", by="expiry", reason=reason)
    assert found == ([("session_1", denial)] if expires else [])

"""The open question of a session, and what becomes of a decision before it is admitted."""

import logging
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from duragent.errors import CallChanged, DuragentError, InvalidRequest, NothingToDo, SessionNotFound, Unavailable
from duragent.journal.events import ApprovalRequested
from duragent.journal.inputs import Decision
from duragent.journal.question import Question
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.approvals import if_readable, open_question, prepare_decision
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.ports import Ports
from tests.support.house import open_house
from tests.support.tool_calls import bash
from tests.support.until import until

COMMAND = "touch made"
BASH = "  tools: [{type: builtin, name: bash}]"


@dataclass
class Asking:
    """A session that asks about a command, what it needs to decide, and the policy that remembers."""

    state: SessionState
    record: Record
    ports: Ports
    clock: FakeClock
    policy: Path

    async def read_records(self, after: int, limit: int) -> list[Record]:
        return [self.record] if after < self.record.seq and limit else []

    def decision(self, decision: str, **more: Any) -> Decision:
        assert self.state.asks is not None
        return Decision.model_validate({"call": self.state.asks.call, "decision": decision} | more)

    def change(self, **fields: Any) -> None:
        """Ask the same with other fields."""
        self.record = replace(self.record, event=self.record.event.model_copy(update=fields))


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    model = ScriptedModel([bash(COMMAND)])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH, clock=FakeClock()) as house:
        session_id = await house.new()
        await house.say(session_id, "go")
        await until(lambda: house.sessions.question(session_id))
        session = house.live(session_id)
        [record] = [each for each in await house.records(session_id) if isinstance(each.event, ApprovalRequested)]
        policy = tmp_path / "assistant" / "policy.local.yaml"
        yield Asking(session.state, record, house.ports, house.clock, policy)


async def test_the_question_is_that_of_the_record_that_asks(asking: Asking) -> None:
    question = await open_question(asking)
    assert question is not None
    assert (question.seq, question.command, question.kind) == (asking.record.seq, COMMAND, "approval")
    asking.state = replace(asking.state, turn=None)
    assert await open_question(asking) is None


async def _raise(error: DuragentError) -> Question | None:
    raise error


async def _nothing() -> Question | None:
    return None


@pytest.mark.parametrize(
    ("asks", "logged"),
    [
        (lambda: _raise(SessionNotFound("s")), ""),
        (lambda: _raise(Unavailable("the disk is gone")), "what a session asks cannot be read: the disk is gone"),
        (_nothing, ""),
    ],
)
async def test_a_session_that_cannot_be_read_asks_nothing(asks: Any, logged: str, caplog: Any) -> None:
    asked: Awaitable[Question | None] = asks()
    with caplog.at_level(logging.WARNING):
        assert await if_readable(asked) is None
    assert caplog.messages == ([logged] if logged else [])


@pytest.mark.parametrize(
    ("decision", "more"),
    [("allow_once", {}), ("deny", {}), ("allow_once", {"invocation": COMMAND}), ("deny", {"reason": "no"})],
)
async def test_a_decision_for_once_stays_as_it_is(asking: Asking, decision: str, more: dict[str, Any]) -> None:
    posted = asking.decision(decision, **more)
    assert await prepare_decision(asking, asking.ports, posted) is posted
    assert not asking.policy.exists()


@pytest.mark.parametrize(
    ("decision", "more", "error", "words"),
    [
        ("allow_once", {"invocation": "rm -rf /"}, CallChanged, "call"),
        ("deny", {"invocation": ""}, CallChanged, "call"),
        ("allow_always", {"patterns": ("touch *",)}, InvalidRequest, "'touch \\*' has no type"),
        ("allow_always", {"patterns": ("bsh:ls",)}, InvalidRequest, "a pattern "),
        ("allow_always", {"patterns": ("bash:ls", "bash:")}, InvalidRequest, "a pattern "),
    ],
)
async def test_a_decision_about_something_else_is_refused(
    asking: Asking, decision: str, more: dict[str, Any], error: type[DuragentError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await prepare_decision(asking, asking.ports, asking.decision(decision, **more))
    assert not asking.policy.exists()


async def test_always_needs_a_pattern(asking: Asking) -> None:
    asking.change(patterns=())
    with pytest.raises(NothingToDo, match="no pattern would allow just this call"):
        await prepare_decision(asking, asking.ports, asking.decision("allow_always"))


@pytest.mark.parametrize(("own", "written"), [((), ("bash:touch *",)), (("bash:touch made",), ("bash:touch made",))])
async def test_what_is_always_allowed_is_in_the_policy_first(
    asking: Asking, own: tuple[str, ...], written: tuple[str, ...]
) -> None:
    asking.change(patterns=("bash:touch *",))
    posted = asking.decision("allow_always", patterns=own)
    prepared = await prepare_decision(asking, asking.ports, posted)
    assert prepared == posted.model_copy(update={"written": written})
    assert written[0] in asking.policy.read_text()


async def test_a_question_that_has_expired_can_only_be_denied(asking: Asking) -> None:
    asking.change(expires_at="2026-01-01T00:00:00.000Z")
    await asking.clock.advance(1)
    with pytest.raises(NothingToDo, match="counts as denied"):
        await prepare_decision(asking, asking.ports, asking.decision("allow_once"))
    denied = asking.decision("deny")
    assert await prepare_decision(asking, asking.ports, denied) is denied


async def test_a_decision_where_nothing_is_asked_is_left_to_admit(asking: Asking) -> None:
    posted = asking.decision("allow_always", patterns=("bash:ls",))
    asking.state = replace(asking.state, turn=None)
    assert await prepare_decision(asking, asking.ports, posted) is posted
    assert not asking.policy.exists()

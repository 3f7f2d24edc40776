"""What people are asked: the open question of a session, and writing down what is always allowed."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal

from duragent.crashpoint import crashpoint
from duragent.errors import CallChanged, InvalidRequest, NothingToDo, SessionNotFound, StoreError
from duragent.journal.admit import Already, admit
from duragent.journal.events import ApprovalRequested, PolicyFinding, ToolLost, command_of
from duragent.journal.inputs import Decision
from duragent.journal.record import Record, timestamp
from duragent.journal.state import OpenCall, SessionState
from duragent.turn.host import TurnHost
from duragent.turn.ports import Ports

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """What a person has to decide. `kind`: whether a call may run, or what to do about one that may have run."""

    session_id: str
    agent: str
    title: str
    kind: Literal["approval", "lost"]
    seq: int
    asked_at: str
    call: str
    tool: str
    invocation: str
    arguments_sha256: str = ""
    findings: tuple[PolicyFinding, ...] = ()
    patterns: tuple[str, ...] = ()
    place: str = ""
    expires_at: str | None = None
    evidence: str = ""


def question_of(state: SessionState, call: OpenCall, record: Record | None) -> OpenQuestion:
    """The open question of a session, from its state and the record that asks."""
    event = record.event if record else None
    asked = event if isinstance(event, ApprovalRequested) else None
    lost = event if isinstance(event, ToolLost) else None
    return OpenQuestion(
        session_id=state.session_id,
        agent=state.agent,
        title=state.title or state.topic,
        kind="approval" if call.status == "waiting" else "lost",
        seq=call.asked_seq,
        asked_at=call.asked_at,
        call=call.call,
        tool=call.tool,
        invocation=asked.invocation if asked else lost.invocation if lost else "",
        arguments_sha256=call.arguments_sha256,
        findings=asked.findings if asked else (),
        patterns=asked.patterns if asked else (),
        place=asked.place if asked else "",
        expires_at=asked.expires_at if asked else None,
        evidence=lost.evidence if lost else "",
    )


async def open_question(stage: TurnHost) -> OpenQuestion | None:
    """What this session asks; None when it asks nothing."""
    state = stage.state
    if (call := state.asks) is None:
        return None
    records = await stage.read_records(call.asked_seq - 1, 1)
    return question_of(state, call, records[0] if records else None)


async def if_readable(asking: Awaitable[OpenQuestion | None]) -> OpenQuestion | None:
    """What one session among many asks: one that has gone or cannot be read must not hide what the others ask."""
    try:
        return await asking
    except SessionNotFound:
        return None
    except StoreError as error:
        _log.warning("what a session asks cannot be read: %s", error)
        return None


async def prepare_decision(stage: TurnHost, ports: Ports, posted: Decision) -> Decision:
    """The decision, when it is about what waits; what it allows for ever is in the policy by then.

    Raises CallChanged; with `allow_always` also NothingToDo, InvalidFile, AgentNotFound, AgentBroken.
    """
    question = await open_question(stage)
    if question is None or isinstance(admit(stage.state, posted, ""), Already):
        return posted
    if posted.invocation not in (None, command_of(question.invocation, question.tool)):
        raise CallChanged(posted.call)
    if posted.decision != "deny" and question.expires_at and question.expires_at <= timestamp(ports.clock.now()):
        raise NothingToDo(f"nobody answered until {question.expires_at}, so it counts as denied")
    if posted.decision != "allow_always":
        return posted
    # Those of the person, else those that were offered; never a command that a client sent.
    patterns = posted.patterns or question.patterns
    if not patterns:
        raise NothingToDo("no pattern would allow just this call: allow it once, or say which patterns")
    if bare := next((pattern for pattern in patterns if ":" not in pattern), None):
        raise InvalidRequest(f"the pattern '{bare[:80]}' has no type: write bash:, builtin:, cli: or mcp: before it")
    try:
        await ports.means.allow_always(ports.agents.get(stage.state.agent), patterns)
    except ValueError as error:
        raise InvalidRequest(f"a pattern {error}") from error
    crashpoint("approval.policy_written")
    return posted.model_copy(update={"written": patterns})

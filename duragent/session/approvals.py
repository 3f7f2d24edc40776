"""The open question of a session, and decisions about it: checked, and written to the policy when they are for ever."""

import logging
from collections.abc import Awaitable
from typing import Protocol

from duragent.crashpoint import crashpoint
from duragent.errors import CallChanged, InvalidRequest, NothingToDo, SessionNotFound, StoreError
from duragent.journal.admit import Already, admit
from duragent.journal.inputs import Decision
from duragent.journal.question import Question, question_of
from duragent.journal.record import Record, timestamp
from duragent.journal.state import SessionState
from duragent.turn.ports import Ports

_log = logging.getLogger(__name__)


class QuestionSource(Protocol):
    """What is needed of a session to say what it asks."""

    @property
    def state(self) -> SessionState: ...
    async def read_records(self, after: int, limit: int) -> list[Record]: ...


async def open_question(session: QuestionSource) -> Question | None:
    """What this session asks; None when it asks nothing."""
    state = session.state
    if (call := state.asks) is None:
        return None
    records = await session.read_records(call.asked_seq - 1, 1)
    return question_of(state, records[0] if records else None)


async def if_readable(asking: Awaitable[Question | None]) -> Question | None:
    """What one session of many asks. None when it cannot be read, so that the others are listed all the same."""
    try:
        return await asking
    except SessionNotFound:
        return None
    except StoreError as error:
        _log.warning("what a session asks cannot be read: %s", error)
        return None


async def prepare_decision(session: QuestionSource, ports: Ports, posted: Decision) -> Decision:
    """The decision, when it is about what waits. What it allows for ever is in the policy on return.

    Raises CallChanged, NothingToDo; InvalidRequest for patterns that are none; with `allow_always` also InvalidFile,
    AgentNotFound, AgentBroken.
    """
    question = await open_question(session)
    if question is None or isinstance(admit(session.state, posted, ""), Already):
        return posted
    if posted.invocation not in (None, question.command):
        raise CallChanged(posted.call)
    if posted.decision != "deny" and question.expires_at and question.expires_at <= timestamp(ports.clock.now()):
        raise NothingToDo(f"nobody answered until {question.expires_at}, so it counts as denied")
    if posted.decision not in ("allow_session", "allow_always"):
        return posted
    patterns = _patterns(posted, question)
    if posted.decision == "allow_always":
        await ports.workbench.allow_always(ports.agents.get(session.state.agent), patterns)
        crashpoint("approval.policy_written")
    return posted.model_copy(update={"written": patterns})


def _patterns(posted: Decision, question: Question) -> tuple[str, ...]:
    """Those of the person, else those that were offered; never a command that a client sent."""
    offered = question.patterns
    if posted.decision == "allow_session":
        offered = next((offer.patterns for offer in question.offers if offer.scope == "session"), ())
    patterns = posted.patterns or offered
    if not patterns:
        raise NothingToDo("no pattern would allow just this call: allow it once, or say which patterns")
    if bare := next((pattern for pattern in patterns if ":" not in pattern), None):
        raise InvalidRequest(f"the pattern '{bare[:80]}' has no type: write bash:, builtin:, cli: or mcp: before it")
    from duragent.policy.patterns import known_pattern

    try:
        return tuple(known_pattern(pattern) for pattern in patterns)
    except ValueError as error:
        raise InvalidRequest(f"a pattern {error}") from error

"""Whose notes a session may read now, where its model is asked and its tools run.

The law: the newest message of a person says it; a session without one is a stranger's. Agents that do not remember have
no notes, and nothing is read for them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from duragent.agent.load import Agent
from duragent.context.sections import PromptSection
from duragent.journal.events import MessageReceived
from duragent.journal.source import is_person
from duragent.journal.state import SessionState
from duragent.turn.history import HasRecords

if TYPE_CHECKING:
    from duragent.memory.scope import Access

PAGE = 500
MOST_RECORDS = 20_000
"""How far back the newest message is looked for."""


class SessionLogNow(HasRecords, Protocol):
    """A session's log with its state."""

    @property
    def state(self) -> SessionState: ...


async def reads_own_notes(log: SessionLogNow, agent: Agent) -> bool:
    """Whether the session may read all that the agent has noted; True for an agent that does not remember."""
    if agent.spec.memory is None:
        return True
    from duragent.memory.base import OWNER

    return (await _access(log, agent)).may_read(OWNER)


async def shown_sections(
    log: SessionLogNow, agent: Agent, sections: Sequence[PromptSection]
) -> tuple[PromptSection, ...]:
    """The sections without MEMORY.md where the session may not read it."""
    own = not any(section.forgettable for section in sections) or await reads_own_notes(log, agent)
    return tuple(section for section in sections if own or not section.forgettable)


async def private_notes(log: SessionLogNow, agent: Agent) -> tuple[Path, ...]:
    """The folders of notes that no tool and no command of this session may read, of all agents."""
    if await reads_own_notes(log, agent):
        return ()
    own = agent.folder.resolve() / "memory"
    return tuple(dict.fromkeys((own, *sorted(own.parent.parent.glob("*/memory")))))


async def _access(log: SessionLogNow, agent: Agent) -> "Access":
    from duragent.memory.scope import STRANGER, access_of, visitor_of
    from duragent.turn.recall import access_in

    state, before = log.state, log.state.seq + 1
    while before > max(1, state.seq - MOST_RECORDS):
        after = max(0, before - 1 - PAGE)
        for record in reversed(await log.read_records(after, before - 1 - after)):
            if isinstance(record.event, MessageReceived) and is_person(record.event.source):
                return access_in(agent, state, record.event)
        before = after + 1
    if before > 1:
        return access_of(STRANGER)
    owners = agent.spec.access.owners if agent.spec.access else ()
    return access_of(visitor_of(state.source, state.gateway or "", "", state.chat_id, owners))

"""What an agent's memory gives for the messages that a question takes up, as the log keeps it.

The law of this file: a search never fails a question and never holds it up. One that is late or broken gives nothing,
and the log says so.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from duragent.agent.load import Agent
from duragent.agent.memory_spec import MemorySpec
from duragent.journal.events import MemoryRecalled, MessageReceived, RecalledItem
from duragent.journal.record import Record
from duragent.journal.source import is_person
from duragent.journal.state import SessionState
from duragent.memory.base import Memories, Memory, Recalled, RecallQuery
from duragent.memory.scope import Access, access_of, visitor_of

DEADLINE_SECONDS = 0.1
DEADLINE_WITH_VECTORS_SECONDS = 0.3
"""Where the question itself has to become a vector first."""

QUERY_CHARS = 2_000
"""Of the messages; more words find nothing better."""

_log = logging.getLogger(__name__)


async def recalled(
    memories: Memories, agent: Agent, state: SessionState, records: Sequence[Record]
) -> MemoryRecalled | None:
    """What is known for the messages among these records that no question has taken up yet; None: nothing is asked."""
    spec = agent.spec.memory
    if spec is None or spec.recall != "auto":
        return None
    new = _new_messages(state, records)
    memory = memories.of(agent) if new else None
    if memory is None:
        return None
    seq, newest = new[-1]
    query = RecallQuery(
        text="\n".join(message.text for _, message in reversed(new))[:QUERY_CHARS],
        reads=access_in(agent, state, newest).reads,
        visible=frozenset(_shown(records)),
        limit=spec.limit,
        budget_tokens=spec.budget_tokens,
        session_id=state.session_id,
        boundary=state.viewport.coverage.boundary,
        is_message=True,
    )
    found = await _found(memory, query, spec)
    return _event(state.turn.id if state.turn else "", seq, found)


def _new_messages(state: SessionState, records: Iterable[Record]) -> list[tuple[int, MessageReceived]]:
    """Messages of people, oldest first, each with its seq."""
    begun = state.turn.trigger if state.turn else min(state.waiting, default=state.seq + 1)
    asked = state.turn.asking.input_seq if state.turn and state.turn.asking else 0
    after = max(state.viewport.recalled_upto, begun - 1, asked)
    return [
        (record.seq, event)
        for record in records
        if record.seq > after and isinstance(event := record.event, MessageReceived) and is_person(event.source)
    ]


def access_in(agent: Agent, state: SessionState, message: MessageReceived) -> Access:
    """What the session may do with notes when that message is its newest.

    Every chat counts as a group here: none says yet that it is private.
    """
    sender = message.sender.id if message.sender else None
    owners = agent.spec.access.owners if agent.spec.access else ()
    return access_of(visitor_of(message.source, state.gateway or "", sender, state.chat_id, owners))


def _shown(records: Iterable[Record]) -> Iterable[str]:
    """The notes that stand in the window already, by id."""
    for record in records:
        if isinstance(record.event, MemoryRecalled):
            yield from (item.ref for item in record.event.items if not item.left_out)


async def _found(memory: Memory, query: RecallQuery, spec: MemorySpec) -> Recalled:
    deadline = DEADLINE_WITH_VECTORS_SECONDS if spec.embedding else DEADLINE_SECONDS
    try:
        async with asyncio.timeout(deadline):
            return await memory.recall(query, deadline)
    except TimeoutError:
        return Recalled("", (), silent="late", took_ms=round(deadline * 1_000))
    except Exception:
        # Whatever is wrong with an index must not keep a person from an answer.
        _log.exception("a search in memory failed in an unexpected way")
        return Recalled("", (), silent="late")


def _event(turn: str, upto: int, found: Recalled) -> MemoryRecalled:
    return MemoryRecalled(
        turn=turn,
        upto_seq=upto,
        text=found.text,
        items=tuple(
            RecalledItem(
                ref=each.note.id,
                scope=str(each.note.scope),
                trust=each.note.trust,
                score_milli=each.score_milli,
                coverage_milli=each.coverage_milli,
                age_hours=each.age_hours,
                importance_milli=each.note.importance_milli,
                left_out=each.left_out,
            )
            for each in found.candidates
        ),
        silent=found.silent,
        took_ms=found.took_ms,
        index_rev=found.index_rev,
        notes=found.notes,
        embedder=found.embedder,
    )

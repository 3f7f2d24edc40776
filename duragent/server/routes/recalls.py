"""`/recalls`: what an agent's memory gave for the messages of a session, and why. Read from the end of the log."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from duragent.errors import AgentBroken, AgentNotFound
from duragent.journal.line import first_seq, lines_of_types
from duragent.journal.record import Record
from duragent.server.dependencies import Dependencies
from duragent.server.params import RecallsQuery, query_of, session_id_of
from duragent.server.responses import answer
from duragent.wire import RecallInfo, RecallList

if TYPE_CHECKING:
    from duragent.memory.why import PastSearch

_PAGE = 1000
"""Records that are read at a time. A message is rarely so far from the question that takes it up."""


async def get_recalls(dependencies: Dependencies, request: Request) -> Response:
    session_id, query = session_id_of(request), query_of(request, RecallsQuery)
    state = await dependencies.sessions.state(session_id)
    if not state.viewport.recalled_upto:
        return answer(RecallList(session_id=session_id, recalls=[]))
    from duragent.memory.why import search_at

    found = await _searches(dependencies, session_id, query)
    if query.seq is not None:
        at = search_at(found, query.seq)
        chosen, more = [at] if at else [], False
    else:
        chosen, more = found[-query.limit :], len(found) > query.limit
    recalls = await asyncio.to_thread(_explained, dependencies, state.agent, chosen[::-1])
    return answer(
        RecallList(session_id=session_id, recalls=recalls, next_before=chosen[0].seq if more else None),
    )


async def _searches(dependencies: Dependencies, session_id: str, query: RecallsQuery) -> "list[PastSearch]":
    """As many of the newest as are asked for, with their whole questions, and one or more before them."""
    from duragent.memory.why import EVENT_TYPES, search_at, searches_in

    before = query.before if query.seq is None else query.seq + _PAGE
    records: list[Record] = []
    while lines := await dependencies.sessions.read_back(session_id, before, _PAGE):
        before = first_seq(lines)
        records = [*await dependencies.sessions.records(session_id, lines_of_types(lines, EVENT_TYPES)), *records]
        found = searches_in(records)
        meant = search_at(found, query.seq)
        wanted = query.limit if query.seq is None else len(found) - found.index(meant) if meant else len(found)
        older = found[:-wanted]
        if older and before <= older[-1].recalled.upto_seq:
            return found
    return searches_in(records)


def _explained(dependencies: Dependencies, name: str, searches: "Sequence[PastSearch]") -> list[RecallInfo]:
    from duragent.agent.memory_spec import MemorySpec
    from duragent.memory.why import explained

    try:
        agent = dependencies.catalog.get(name)
        notes, spec = dependencies.notes(agent), agent.spec.memory or MemorySpec()
    except (AgentNotFound, AgentBroken):
        # What the log says stands without the agent's files.
        notes, spec = (), MemorySpec()
    return [RecallInfo.model_validate(asdict(explained(each, notes, spec))) for each in searches]

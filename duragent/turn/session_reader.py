"""What a tool may read of sessions: its own outputs, and what other sessions of the same agent say."""

from collections.abc import Sequence

from duragent.errors import Damaged, SessionNotFound
from duragent.journal.events import MessageReceived, ModelReplied, ToolFinished
from duragent.journal.record import Record
from duragent.journal.source import source_and_door
from duragent.tools.base import Sibling
from duragent.turn.host import TurnHost
from duragent.turn.ports import Ports

LOOK_BACK_RECORDS = 5_000
"""How far back an output is looked for, and the messages of a sibling."""


class SessionReader:
    """For the tools of one session of `agent`. See `tools.base.SessionsPort`."""

    def __init__(self, host: TurnHost, ports: Ports, agent: str) -> None:
        assert ports.others is not None
        self._host, self._store, self._others, self._agent = host, ports.store, ports.others, agent

    async def siblings(self, limit: int) -> Sequence[Sibling]:
        states = await self._others.of_agent(self._agent, limit + 1)
        return [
            Sibling(
                state.session_id,
                state.status,
                state.updated_at,
                state.title or state.topic,
                source_and_door(state.source, state.door),
            )
            for state in states
            if state.session_id != self._host.claim.session_id
        ][:limit]

    async def read(self, session_id: str, limit: int) -> Sequence[tuple[str, str]]:
        own = session_id == self._host.claim.session_id
        if not own and (await self._others.state(session_id)).agent != self._agent:
            raise SessionNotFound(session_id)
        found: list[tuple[str, str]] = []
        before, seen = None, 0
        while len(found) < limit and seen < LOOK_BACK_RECORDS:
            records = await self._others.records_back(session_id, before, 200)
            if not records:
                break
            before, seen = records[0].seq, seen + len(records)
            found = [said for record in records if (said := _said(record))] + found
        return found[-limit:]

    async def output(self, call: str) -> bytes | None:
        before: int | None = None
        seen = 0
        while seen < LOOK_BACK_RECORDS:
            records = await self._others.records_back(self._host.claim.session_id, before, 500)
            if not records:
                return None
            before, seen = records[0].seq, seen + len(records)
            for record in records:
                event = record.event
                if isinstance(event, ToolFinished) and event.call == call:
                    return await self._whole(event)
        return None

    async def _whole(self, event: ToolFinished) -> bytes | None:
        if not event.output_sha256:
            return event.content.encode("utf-8", "replace")
        try:
            return await self._store.get_blob(self._host.claim, event.output_sha256)
        except Damaged:
            return None


def _said(record: Record) -> tuple[str, str] | None:
    match record.event:
        case MessageReceived() as event:
            return "user", event.text
        case ModelReplied() as event if event.text:
            return "assistant", event.text
        case _:
            return None

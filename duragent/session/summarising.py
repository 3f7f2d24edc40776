"""Summaries of a session's own log: made after a turn, beside everything else, and posted as any input is.

The law: a summary is made from records that are durable, and posting it is the only thing that it does. One that is
lost, late or posted twice costs nothing: the next turn's end looks again, and what does not fit is stale.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.agent.load import Agent
from duragent.context.tokens import tokens
from duragent.context.viewport import turn_sizes
from duragent.crashpoint import crashpoint
from duragent.errors import Damaged, DuragentError, SessionDeleted, StoreError
from duragent.journal.admit import admit
from duragent.journal.covered import children_of, size_of
from duragent.journal.events import Event, HistorySummarised
from duragent.journal.inputs import HistorySummary
from duragent.journal.line import split_lines
from duragent.journal.record import Record, blob_names, crc_seed, decode
from duragent.journal.state import SessionState
from duragent.memory.zones import (
    FAR_BEHIND,
    LEAST_TOKENS,
    MOST_RECORDS,
    TurnSize,
    Zone,
    ZoneBudget,
    budget_of,
    is_full,
    plan,
)
from duragent.session.fold import SessionWriter
from duragent.session.log_reader import LogReader
from duragent.session.prose_writer import ProseWriter, most_material
from duragent.turn.history import HistoryNeed
from duragent.turn.ports import Ports

if TYPE_CHECKING:
    from duragent.memory.extract import Extract, Extracting
    from duragent.memory.prose import Prose, SummaryMaterial

BLOCK_RECORDS = 500
"""So many records are read at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Made:
    """A summary, and what it takes away."""

    extract: "Extract"
    covered_tokens: int
    """By the measure of the state."""
    prose: "Prose | None" = None
    """What a model wrote in the place of the extract's text; None where code made it."""


class Summariser:
    """Summarises the log of one session when it is due."""

    task: "asyncio.Task[None] | None"
    """The work under way; None before the first."""

    def __init__(self, ports: Ports, writer: SessionWriter) -> None:
        self._ports, self._writer = ports, writer
        self._seen_tokens = 0
        self._prose = ProseWriter(ports, writer.claim.stream_id)
        self.task = None

    @property
    def busy(self) -> bool:
        return self.task is not None and not self.task.done()

    def look(self) -> None:
        """Start to work when it is due. Costs next to nothing while it is not."""
        at = self._writer.state.viewport.coverage
        if at.tokens < LEAST_TOKENS and self._writer.state.seq - at.boundary <= MOST_RECORDS and not at.frontier:
            return
        if not self.busy and self._is_due():
            self.task = self._ports.spawn(self._run())

    async def stop(self) -> None:
        """End what is under way; it is done again when the session is open again."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait((self.task,))

    # --- when -------------------------------------------------------------------------------------------------------

    def _is_due(self) -> bool:
        state = self._writer.state
        if state.turn is not None or state.closed or self._writer.problem is not None:
            return False
        agent = self._agent(state)
        if agent is None or agent.spec.session.context.summaries == "off":
            return False
        at, budget = state.viewport.coverage, budget_for(agent, state)
        # What is masked in a request counts here; it was looked at then, and is not again for a few words more.
        grown = at.tokens - self._seen_tokens > budget.history_tokens // 10 or at.tokens < self._seen_tokens
        return is_full(at, state.seq, budget) and (grown or state.seq - at.boundary > MOST_RECORDS)

    def _agent(self, state: SessionState) -> Agent | None:
        try:
            return self._ports.agents.get(state.agent)
        except DuragentError:
            return None

    # --- what -------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while self._is_due() and await self._one():
                pass
        except (StoreError, SessionDeleted):
            # Nothing is lost: the records are there, and requests say what they leave out.
            _log.debug("session %s was not summarised", self._writer.claim.stream_id, exc_info=True)
        except Exception:
            _log.exception("summarising session %s failed in an unexpected way", self._writer.claim.stream_id)

    async def _one(self) -> bool:
        """Make and post the next summary; False when none is due after all."""
        state = self._writer.state
        if (agent := self._agent(state)) is None:
            return False
        at, budget = state.viewport.coverage, budget_for(agent, state)
        reader = LogReader(self._ports.store, self._writer.claim, self._writer.fail)
        turns = await self._turns(reader, state, agent, budget)
        zone = plan(at, state.seq, turns, budget)
        if zone is None:
            self._seen_tokens = at.tokens
            return False
        made = await self._made(reader, zone, budget, agent)
        crashpoint("summary.made")
        posted = _summary(zone, made)
        records = await self._writer.commit(lambda now: _events(now, posted))
        crashpoint("summary.posted")
        if made.prose is not None:
            ended = made.prose.ended
            await self._prose.end(agent, ended if records else ended.model_copy(update={"outcome": "stale"}))
        self._seen_tokens = 0
        return bool(records)

    async def _turns(
        self, reader: LogReader, state: SessionState, agent: Agent, budget: ZoneBudget
    ) -> Sequence[TurnSize]:
        """The turns behind the boundary. Of very many the older ones are one, of a guessed length."""
        at = state.viewport.coverage
        need = HistoryNeed(int(2 * FAR_BEHIND * budget.history_tokens), 0, at.boundary)
        records, whole = await reader.newest(need, state)
        sizes = [TurnSize(*size) for size in await asyncio.to_thread(turn_sizes, records, agent.spec)]
        waiting = min(state.waiting, default=state.seq + 1)
        sizes = [size for size in sizes if size.first_seq <= waiting]
        if whole or not records:
            return sizes
        older = max(at.tokens - sum(size.tokens for size in sizes), 2 * int(FAR_BEHIND * budget.history_tokens))
        return [TurnSize(at.boundary + 1, older), *(size for size in sizes if size.first_seq > records[0].seq)]

    async def _made(self, reader: LogReader, zone: Zone, budget: ZoneBudget, agent: Agent) -> _Made:
        from duragent.memory.extract import Extracting

        extracting, covered = Extracting(), 0
        material = self._material(agent)
        async for records in self._blocks(reader, zone):
            covered += await asyncio.to_thread(_take, extracting, records, material if zone.level == 1 else None)
        made = await asyncio.to_thread(extracting.made, budget.summary_tokens, tokens)
        prose = None
        if material is not None:
            if zone.level > 1:
                await self._take_children(reader, zone, material)
            if material.text and not material.is_too_long:
                limit = budget.summary_tokens - tokens(made.facts)
                prose = await self._prose.write(agent, zone, material.text, limit)
        return _Made(made, covered if zone.level == 1 else 0, prose)

    def _material(self, agent: Agent) -> "SummaryMaterial | None":
        if agent.spec.session.context.summaries != "model":
            return None
        from duragent.memory.prose import SummaryMaterial

        return SummaryMaterial(tokens, most_material(agent.background_model))

    async def _take_children(self, reader: LogReader, zone: Zone, material: "SummaryMaterial") -> None:
        for child in children_of(self._writer.state.viewport.coverage, zone.level, zone.first_seq, zone.last_seq):
            for record in await reader.read_records(child.seq - 1, 1):
                if isinstance(record.event, HistorySummarised):
                    material.take_summary(record.event)

    async def _blocks(self, reader: LogReader, zone: Zone) -> AsyncIterator[list[Record]]:
        """The records of the zone, decoded off the loop."""
        after, seed = zone.first_seq - 1, crc_seed(self._writer.claim.stream_id)
        while after < zone.last_seq:
            lines = await reader.lines(after, min(BLOCK_RECORDS, zone.last_seq - after))
            if not lines:
                return
            blobs = await _texts(reader, lines)
            records = await asyncio.to_thread(_decoded, lines, seed, blobs)
            yield [record for record in records if record.seq <= zone.last_seq]
            after = records[-1].seq


async def _texts(reader: LogReader, lines: bytes) -> dict[str, bytes]:
    """The texts that were moved out of these lines. In place of one that is lost stands a sentence that says so."""
    texts: dict[str, bytes] = {}
    for name in blob_names(lines):
        try:
            texts[name] = await reader.blob(name)
        except Damaged:
            texts[name] = b"[the text is lost]"
    return texts


def budget_for(agent: Agent, state: SessionState) -> ZoneBudget:
    """What the agent's history may take, in estimated tokens."""
    at, context = state.viewport.coverage, agent.spec.session.context
    return budget_of(
        cap=context.max_history_tokens,
        window=at.window_tokens,
        ratio_milli=at.ratio_milli,
        summary_share=context.summary_share,
    )


def _decoded(lines: bytes, seed: int, blobs: Mapping[str, bytes]) -> list[Record]:
    return [decode(line, seed, blobs.__getitem__) for line in split_lines(lines)]


def _take(extracting: "Extracting", records: Sequence[Record], material: "SummaryMaterial | None") -> int:
    for record in records:
        extracting.take(record)
        if material is not None:
            material.take(record)
    return sum(size_of(record.event) for record in records)


def _summary(zone: Zone, made: _Made) -> HistorySummary:
    extract, prose = made.extract, made.prose
    text = prose.text if prose else extract.text
    summary = HistorySummary(
        level=zone.level,
        first_seq=zone.first_seq,
        last_seq=zone.last_seq,
        text=text,
        facts=extract.facts,
        source_sha256=extract.source_sha256,
        tokens=tokens(text) + tokens(extract.facts),
        covered_tokens=made.covered_tokens,
    )
    if prose is None:
        return summary
    ended = prose.ended
    written = {"by": prose.by, "job": ended.job, "usage": ended.usage, "cost_usd": ended.cost_usd}
    return summary.model_copy(update=written)


def _events(state: SessionState, posted: HistorySummary) -> Sequence[Event]:
    events = admit(state, posted, "")
    return events if isinstance(events, Sequence) else []

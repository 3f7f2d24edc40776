"""Asking a model for the prose of a summary: within the day's budget, a few times, and never on a turn's way.

The law: what may cost something stands in the mind's log before it is sent. Where no prose comes of it, for whatever
reason, the caller has its extract: a summary never waits for a model that does not answer.
"""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.agent.load import Agent
from duragent.agent.spec import ModelFields
from duragent.context.build import thinking_of
from duragent.context.tokens import beginning, request_tokens
from duragent.crashpoint import crashpoint
from duragent.errors import DuragentError, ModelError, ModelTimeout, ModelUnavailable
from duragent.journal.events import TokenCounts
from duragent.models.base import Model
from duragent.models.messages import ModelReply, ModelRequest
from duragent.models.providers import PROVIDERS
from duragent.text import without_surrogates
from duragent.turn.host import let_go
from duragent.turn.model_call import counts_of, price_of, reply_of
from duragent.turn.model_choice import choice_of
from duragent.turn.ports import Ports

if TYPE_CHECKING:
    from duragent.journal.mind.events import WorkBegun, WorkEnded
    from duragent.memory.prose import Prose, SummaryBudget
    from duragent.memory.zones import Zone

WRITE_SECONDS = 180.0
"""So long a model may take for one summary."""

OUTPUT_TOKENS = 2_048
"""The longest answer, with its thinking, where the model's file says nothing else."""

PAUSE_SECONDS = 5.0
"""Before the second try; twice as long before the third."""

END_SECONDS = 2.0
"""So long a session that closes waits until it is recorded that the work was cancelled."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    """One summary that is to be written."""

    model: Model
    request: ModelRequest
    begun: "WorkBegun"
    """The intent; each try has an id of its own."""
    limit: int


class ProseWriter:
    """Writes the summaries of one session."""

    def __init__(self, ports: Ports, session_id: str) -> None:
        self._ports, self._session_id = ports, session_id

    async def write(self, agent: Agent, zone: "Zone", material: str, limit: int) -> "Prose | None":
        """A text of at most so many tokens; None when code has to make it. Never raises a DuragentError."""
        chosen, budget_for = agent.background_model, self._ports.summary_budget
        if chosen is None or budget_for is None or (budget := budget_for(agent)) is None:
            return None
        try:
            return await self._tried(budget, await self._work(chosen, zone, material, limit))
        except DuragentError as error:
            _log.warning("no model writes a summary of session %s: %s", self._session_id, error)
            return None

    async def end(self, agent: Agent, ended: "WorkEnded") -> None:
        """Record what became of a text."""
        budget = self._ports.summary_budget(agent) if self._ports.summary_budget else None
        if budget is not None:
            await budget.end(ended)

    async def _work(self, chosen: ModelFields, zone: "Zone", material: str, limit: int) -> _Work:
        from duragent.journal.mind.events import WorkBegun
        from duragent.memory.prose import KIND

        model = self._ports.model_for(choice_of(chosen))
        request = _request(chosen, material, limit)
        asked, answer = request_tokens(request), request.max_output_tokens or OUTPUT_TOKENS
        begun = WorkBegun(
            job="",
            kind=KIND.format(level=zone.level),
            model=model.label,
            session=self._session_id,
            first_seq=zone.first_seq,
            last_seq=zone.last_seq,
            estimate_tokens=asked + answer,
            estimate_usd=await price_of(chosen, asked, answer) or 0.0,
        )
        return _Work(model, request, begun, limit)

    async def _tried(self, budget: "SummaryBudget", work: _Work) -> "Prose | None":
        from duragent.memory.prose import TRIES

        for tried in range(TRIES):
            if tried:
                await self._ports.clock.sleep(PAUSE_SECONDS * tried)
            begun = work.begun.model_copy(update={"job": self._ports.clock.new_id("job")})
            if not await budget.begin(begun, tried):
                _log.info("no model writes a summary of session %s: not today, or not again", self._session_id)
                return None
            crashpoint("summary.begun")
            written, may_retry = await self._once(budget, work, begun)
            if written is not None or not may_retry:
                return written
        return None

    async def _once(self, budget: "SummaryBudget", work: _Work, begun: "WorkBegun") -> "tuple[Prose | None, bool]":
        """One try: the text, and whether another one is worth it."""
        from duragent.journal.mind.events import WorkEnded

        unknown = WorkEnded(
            job=begun.job,
            outcome="failed",
            usage=TokenCounts(input=begun.estimate_tokens),
            cost_usd=begun.estimate_usd,
        )
        try:
            reply = await self._heard(work)
        except ModelError as error:
            # What a model that fell silent has used is not known, so it counts with its estimate.
            nothing = {} if isinstance(error, ModelTimeout) else {"usage": TokenCounts(), "cost_usd": 0.0}
            _log.warning("the model %s wrote no summary of session %s: %s", begun.model, self._session_id, error)
            said = without_surrogates(str(error))[:500]
            await budget.end(unknown.model_copy(update={"error": said, **nothing}))
            return None, error.retryable
        except asyncio.CancelledError:
            await self._cancelled(budget, unknown.model_copy(update={"outcome": "cancelled"}))
            raise
        return await self._taken(budget, work, begun, reply)

    async def _taken(
        self, budget: "SummaryBudget", work: _Work, begun: "WorkBegun", reply: ModelReply
    ) -> "tuple[Prose | None, bool]":
        """What is kept of an answer; one that says nothing is a try that failed."""
        from duragent.journal.mind.events import WorkEnded
        from duragent.memory.prose import Prose, kept

        ended = WorkEnded(job=begun.job, outcome="done", usage=counts_of(reply.usage), cost_usd=reply.cost_usd)
        text = kept(without_surrogates(reply.text))
        if not text or reply.finish_reason == "content_filter":
            await budget.end(ended.model_copy(update={"outcome": "failed", "error": "it said nothing"}))
            return None, True
        return Prose(beginning(text, work.limit), work.model.label, ended), False

    async def _cancelled(self, budget: "SummaryBudget", ended: "WorkEnded") -> None:
        try:
            async with asyncio.timeout(END_SECONDS):
                await budget.end(ended)
        except (DuragentError, TimeoutError):
            _log.debug("a cancelled job has no end in the log: it counts as spent", exc_info=True)

    async def _heard(self, work: _Work) -> ModelReply:
        """The answer. Raises ModelError."""
        hearing = asyncio.ensure_future(_read(work))
        try:
            await asyncio.wait((hearing,), timeout=WRITE_SECONDS)
            if not hearing.done():
                raise ModelTimeout(f"the model gave no whole answer within {WRITE_SECONDS:g} s")
            return reply_of(hearing, work.model.label)
        finally:
            await let_go(hearing, f"the model {work.model.label}", self._ports.cancel_seconds)


async def _read(work: _Work) -> ModelReply:
    async with aclosing(work.model.stream(work.request)) as stream:
        async for item in stream:
            if isinstance(item, ModelReply):
                return item
    raise ModelUnavailable("the answer ended before it was whole")


def most_material(chosen: ModelFields | None) -> int:
    """How many tokens of records such a model is given to read."""
    from duragent.memory.prose import MOST_TOKENS

    window = chosen.max_input_tokens if chosen else None
    return min(MOST_TOKENS, window * 3 // 4 - OUTPUT_TOKENS) if window else MOST_TOKENS


def _request(chosen: ModelFields, material: str, limit: int) -> ModelRequest:
    from duragent.memory.prose import question

    thinking = thinking_of(chosen)
    request = ModelRequest(
        messages=question(material, limit),
        temperature=chosen.temperature,
        max_output_tokens=chosen.max_output_tokens or OUTPUT_TOKENS + (thinking if isinstance(thinking, int) else 0),
        thinking=thinking,
    )
    known = PROVIDERS.get(chosen.provider)
    if known is None or not known.is_told_window:
        return request
    needed = request_tokens(request) * 5 // 4 + OUTPUT_TOKENS
    return request.model_copy(update={"window_tokens": chosen.max_input_tokens or needed})

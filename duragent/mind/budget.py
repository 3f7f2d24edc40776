"""What work in the background may use in a day: begun with an estimate in the mind's log, before anything is sent."""

from collections.abc import Awaitable, Callable
from datetime import UTC

from duragent.agent.memory_spec import SleepSpec
from duragent.clock import Clock
from duragent.journal.events import TokenCounts
from duragent.journal.mind.events import MindEvent, WorkBegun, WorkEnded
from duragent.journal.mind.state import MindState
from duragent.memory.prose import TRIES
from duragent.mind.actor import Mind


class DayBudget:
    """The budget of one agent, and a `SummaryBudget`."""

    def __init__(self, mind: Callable[[], Awaitable[Mind]], spec: SleepSpec, clock: Clock) -> None:
        """`mind` gives the one that is open now."""
        self._mind, self._spec, self._clock = mind, spec, clock

    async def begin(self, work: WorkBegun, earlier: int = 0) -> bool:
        """Record the intent; False when there is no room for it today, or it was tried too often."""
        day = f"{self._clock.now().astimezone(UTC):%Y-%m-%d}"

        def decide(state: MindState) -> list[MindEvent]:
            is_affordable = self._has_room(state, day, work)
            return [work] if is_affordable and earlier + _lost(state, work) < TRIES else []

        return bool(await (await self._mind()).log.commit(decide))

    def _has_room(self, state: MindState, day: str, work: WorkBegun) -> bool:
        spent = state.spent_on(day)
        return (
            spent.tokens + work.estimate_tokens <= self._spec.tokens_per_day
            and spent.usd + work.estimate_usd <= self._spec.cost_usd_per_day
        )

    async def end(self, ended: WorkEnded) -> None:
        """Record how it ended."""
        await (await self._mind()).log.commit(lambda _: [ended])


def _lost(state: MindState, work: WorkBegun) -> int:
    """How often a crash ended the same work for a session."""
    # Where it ends may differ: the session has grown meanwhile.
    same = (work.kind, work.session, work.first_seq)
    lost = [(job.kind, job.session, job.first_seq) for job in state.lost_jobs]
    return lost.count(same) if work.session else 0


class EmbeddingWork:
    """The `EmbeddingBudget` of one agent: vectors are charged to `spec.memory.sleep`."""

    def __init__(self, budget: DayBudget, clock: Clock, label: str) -> None:
        self._budget, self._clock, self._label = budget, clock, label

    async def begin(self, estimate_tokens: int) -> str | None:
        """Record the intent, and give its id; None when there is no room for it today."""
        job = self._clock.new_id("job")
        work = WorkBegun(job=job, kind="embedding", model=self._label, estimate_tokens=estimate_tokens)
        return job if await self._budget.begin(work) else None

    async def end(self, job: str, outcome: str, tokens: int) -> None:
        """Record how it ended: `done`, `failed`."""
        ended = WorkEnded(
            job=job, outcome="done" if outcome == "done" else "failed", usage=TokenCounts(input=tokens), cost_usd=0.0
        )
        await self._budget.end(ended)

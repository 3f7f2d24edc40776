"""What work in the background may use in a day: begun with an estimate in the mind's log, before anything is sent."""

from collections.abc import Awaitable, Callable
from datetime import UTC

from duragent.agent.memory_spec import SleepSpec
from duragent.clock import Clock
from duragent.journal.events import TokenCounts
from duragent.journal.mind.events import MindEvent, WorkBegun, WorkEnded
from duragent.journal.mind.state import MindState
from duragent.mind.actor import Mind


class EmbeddingWork:
    """The `EmbeddingBudget` of one agent: vectors are charged to `spec.memory.sleep`."""

    def __init__(self, mind: Callable[[], Awaitable[Mind]], spec: SleepSpec, clock: Clock, label: str) -> None:
        """`mind` gives the one that is open now."""
        self._mind, self._spec, self._clock, self._label = mind, spec, clock, label

    async def begin(self, estimate_tokens: int) -> str | None:
        """Record the intent, and give its id; None when there is no room for it today."""
        job = self._clock.new_id("job")
        day = f"{self._clock.now().astimezone(UTC):%Y-%m-%d}"

        def decide(state: MindState) -> list[MindEvent]:
            if state.spent_on(day).tokens + estimate_tokens > self._spec.tokens_per_day:
                return []
            return [WorkBegun(job=job, kind="embedding", model=self._label, estimate_tokens=estimate_tokens)]

        return job if await (await self._mind()).log.commit(decide) else None

    async def end(self, job: str, outcome: str, tokens: int) -> None:
        """Record how it ended: `done`, `failed`."""
        ended = WorkEnded(
            job=job, outcome="done" if outcome == "done" else "failed", usage=TokenCounts(input=tokens), cost_usd=0.0
        )
        await (await self._mind()).log.commit(lambda _: [ended])

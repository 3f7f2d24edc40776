"""The parts of one session without a runtime: ports to a store, and a log that has begun."""

import asyncio
from pathlib import Path

from duragent.agent.load import load_agent
from duragent.journal.events import SessionCreated
from duragent.journal.fold import fold_lines
from duragent.journal.state import SessionState
from duragent.models.base import Model
from duragent.stores.base import Claim, Store
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.ports import Ports
from duragent.turn.settings import SessionsSettings
from tests.support.house import Speakers, write_agent
from tests.support.logs import SESSION, lines_of
from tests.support.workbench import workbench_in


def ports_to(store: Store, folder: Path, model: Model | None = None, clock: FakeClock | None = None) -> Ports:
    """Ports of the process `n1`, with the agent `assistant` in that folder."""
    return Ports(
        store=store,
        clock=clock or FakeClock(),
        node="n1",
        agents=Speakers({"assistant": load_agent(write_agent(folder))}),
        model_for=lambda _: model or ScriptedModel(),
        settings=SessionsSettings(),
        spawn=asyncio.ensure_future,
        workbench=workbench_in(folder),
    )


async def begun(store: Store) -> tuple[Claim, SessionState]:
    """A new log, which has one record."""
    lines = lines_of(1, [SessionCreated(agent="assistant")])
    claim = await store.create(SESSION, lines)
    [(_, _, state)] = fold_lines(SessionState(SESSION), lines)
    return claim, state

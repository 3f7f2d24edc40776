"""More of what a turn does around its tool calls: limits, skills, notes, notices, expiry, long outputs."""

from pathlib import Path

from duragent.journal.events import ApprovalDecided
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.settings import SessionsSettings
from tests.support.house import open_house
from tests.support.tool_calls import BASH, bash, question, wait_for_end


async def test_an_approval_that_nobody_gives_in_time_counts_as_denied(tmp_path: Path) -> None:
    model = ScriptedModel([bash("touch made"), "a pity"])
    clock = FakeClock()
    settings = SessionsSettings(approval_ttl_hours=2)
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH, clock=clock, settings=settings) as house:
        session = await house.new()
        await house.say(session, "make it")
        asked = await question(house, session)
        assert asked.expires_at == "2026-01-01T02:00:00.000Z"
        await house.sessions.housekeeping.tick_expired_approvals()
        assert await house.sessions.question(session) is not None
        await clock.advance(2 * 3600)
        await house.sessions.housekeeping.tick_expired_approvals()
        assert (await wait_for_end(house, session)).outcome == "completed"
        decided = next(event for event in await house.events(session) if isinstance(event, ApprovalDecided))
        assert (decided.decision, decided.by) == ("deny", "expiry")
    assert not (tmp_path / "project" / "made").exists()

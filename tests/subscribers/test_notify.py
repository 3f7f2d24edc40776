"""Delivering a notice: a real webhook on this machine, and one that is not there."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from duragent.errors import AgentNotFound
from duragent.journal.events import ToolFinished
from duragent.journal.record import Record
from duragent.policy.tiers import Delivery
from duragent.subscribers.base import Positions
from duragent.subscribers.notify import Notices
from duragent.testing import check_listener
from tests.support.bounds import LIMIT_SECONDS
from tests.support.webhooks import trickling, webhook


def notices(*deliveries: Delivery, webhook_seconds: float = LIMIT_SECONDS) -> Notices:
    async def of_agent(agent: str) -> Sequence[Delivery]:
        assert agent == "assistant"
        return deliveries

    return Notices(Positions(Path("/nowhere")), of_agent, webhook_seconds=webhook_seconds)


def ran(command: str = "rm x", outcome: str = "ok") -> Record:
    event = {"call": "call_1", "tool": "bash", "outcome": outcome, "notice": command}
    return Record(7, "2026-01-01T00:00:00Z", ToolFinished.model_validate(event))


async def tell(listener: Notices, record: Record) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        await listener.deliver("session_1", "assistant", record)


def test_only_a_result_that_is_to_be_told_is_a_notice() -> None:
    assert notices().concerns(ran())
    assert not notices().concerns(ran(command=""))


@pytest.mark.parametrize(("outcome", "success"), [("ok", True), ("error", False), ("timeout", False)])
async def test_a_webhook_gets_what_ran(outcome: str, success: bool) -> None:
    async with webhook() as (url, bodies):
        await tell(notices(Delivery("webhook", url)), ran(outcome=outcome))
        assert await bodies.get() == {
            "event": "command_notification",
            "session_id": "session_1",
            "agent": "assistant",
            "command": "rm x",
            "success": success,
        }


async def test_a_webhook_that_fails_is_named_in_the_log_and_the_next_one_is_not_held_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with webhook(500) as (bad, _), webhook() as (url, bodies):
        urls = ("http://127.0.0.1:9/closed", "no url at all", bad, url)
        await tell(notices(*(Delivery("webhook", each) for each in urls)), ran("second"))
        assert (await bodies.get())["command"] == "second"
    assert len([record for record in caplog.records if "was not told" in record.message]) == 3


@pytest.mark.parametrize(("start", "told"), [(b"HTTP/1.1 200 X\r\n", 0), (b"HTTP/1.1 200 X\r\n\r\n", 1)])
async def test_a_webhook_that_never_ends_its_answer_does_not_hold_up_the_next_one(
    start: bytes, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with trickling(start) as endless, webhook() as (url, bodies):
        listener = notices(Delivery("webhook", endless), Delivery("webhook", url), webhook_seconds=0.3)
        await tell(listener, ran("second"))
        if bodies.empty():
            # On a machine so slow that both took longer than a webhook may take.
            assert len([record for record in caplog.records if "was not told" in record.message]) == 2
            return
        assert (await bodies.get())["command"] == "second"
    assert len([record for record in caplog.records if "was not told" in record.message]) >= 1 - told


@pytest.mark.parametrize(("outcome", "word"), [("ok", "ran"), ("error", "failed")])
async def test_the_log_has_a_line(caplog: pytest.LogCaptureFixture, outcome: str, word: str) -> None:
    caplog.set_level(logging.INFO, "duragent.subscribers.notify")
    await tell(notices(Delivery("log")), ran(outcome=outcome))
    assert [record.message for record in caplog.records] == [f"{word} of agent assistant in session_1: rm x"]


async def test_a_notice_of_an_agent_that_is_gone_is_dropped_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def gone(agent: str) -> Sequence[Delivery]:
        raise AgentNotFound(agent, [])

    await tell(Notices(Positions(Path("/nowhere")), gone), ran())
    assert caplog.records[0].getMessage().startswith("a call of session session_1 cannot be told: ")


async def test_notices_keep_the_contract_of_listeners(tmp_path: Path) -> None:
    sent: list[str] = []

    async def of_agent(agent: str) -> Sequence[Delivery]:
        sent.append(agent)
        return ()

    await check_listener(
        lambda positions: Notices(positions, of_agent),
        event=ran().event,
        delivered=lambda: len(sent),
        folder=tmp_path,
    )

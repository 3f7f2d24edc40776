"""Telling that a call has run: a real webhook on this machine, and one that is not there."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from duragent.policy.tiers import Delivery
from duragent.subscribers import notify
from duragent.subscribers.notify import MAX_WAITING, Notice, Notifier
from tests.support.bounds import LIMIT_SECONDS


@asynccontextmanager
async def webhook(status: int = 200) -> AsyncIterator[tuple[str, "asyncio.Queue[dict[str, object]]"]]:
    """A real HTTP server; its URL, and the bodies that it got."""
    bodies: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length"))
        bodies.put_nowait(json.loads(await reader.readexactly(size)))
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", bodies


@asynccontextmanager
async def trickling(start: bytes) -> AsyncIterator[str]:
    """The URL of a server that begins its answer so, and never comes to the end of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(start)
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


@asynccontextmanager
async def running() -> AsyncIterator[Notifier]:
    notifier = Notifier()
    task = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        task.cancel()


def notice(*deliveries: Delivery, command: str = "rm x") -> Notice:
    return Notice(deliveries, "session_1", "assistant", command, True)


async def test_a_webhook_is_told_what_ran() -> None:
    async with webhook() as (url, bodies), running() as notifier:
        notifier.put(notice(Delivery("webhook", url)))
        async with asyncio.timeout(LIMIT_SECONDS):
            assert await bodies.get() == {
                "event": "command_notification",
                "session_id": "session_1",
                "agent": "assistant",
                "command": "rm x",
                "success": True,
            }


async def test_a_webhook_that_fails_is_told_in_the_log_and_the_next_one_is_not_held_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with webhook(500) as (bad, _), webhook() as (url, bodies), running() as notifier:
        for each in ("http://127.0.0.1:9/closed", "no url at all", bad):
            notifier.put(notice(Delivery("webhook", each)))
        notifier.put(notice(Delivery("webhook", url), command="second"))
        async with asyncio.timeout(LIMIT_SECONDS):
            assert (await bodies.get())["command"] == "second"
    assert len([record for record in caplog.records if "was not told" in record.message]) == 3


@pytest.mark.parametrize(("start", "told"), [(b"HTTP/1.1 200 X\r\n", 0), (b"HTTP/1.1 200 X\r\n\r\n", 1)])
async def test_a_webhook_that_never_ends_its_answer_does_not_hold_up_the_next_one(
    start: bytes, told: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "WEBHOOK_SECONDS", 0.3)
    async with trickling(start) as endless, running() as notifier:
        notifier.put(notice(Delivery("webhook", endless)))
        async with asyncio.timeout(LIMIT_SECONDS), webhook() as (url, bodies):
            notifier.put(notice(Delivery("webhook", url), command="second"))
            assert (await bodies.get())["command"] == "second"
    assert len([record for record in caplog.records if "was not told" in record.message]) == 1 - told


async def test_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "duragent.subscribers.notify")
    async with running() as notifier:
        notifier.put(notice(Delivery("log")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert [record.message for record in caplog.records] == ["ran of agent assistant in session_1: rm x"]


def test_too_many_notices_drop_the_oldest(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier()
    for number in range(MAX_WAITING + 1):
        notifier.put(notice(Delivery("log"), command=str(number)))
    assert len(notifier._waiting) == MAX_WAITING
    assert notifier._waiting[0].invocation == "1"
    assert len(caplog.records) == 1

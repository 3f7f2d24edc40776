"""A server in use for a long time needs no more of the machine at the end than at the beginning, and loses nothing.

    DURAGENT_SOAK_MINUTES=60 DURAGENT_SOAK_JSON=soak.json \\
        python3 -m pytest -n0 -s -m campaign tests/campaigns/test_soak.py
"""

import asyncio
import os
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from duragent.journal.events import ToolFinished
from tests.campaigns.campaign import Campaign
from tests.campaigns.process_figures import descriptors
from tests.campaigns.soak_figures import Report, sample
from tests.campaigns.soak_load import TALKERS, Load
from tests.support.attached import same, whole
from tests.support.hands import Hands, make_hands
from tests.support.real_server import RealServer
from tests.support.until import take_time, until

MINUTES = float(os.environ.get("DURAGENT_SOAK_MINUTES", "10"))
RSS_SLOPE_MIB = 4.0
"""A minute, after the warm-up of each life, which at two minutes a life is not quite over."""
FILES_SLOPE = 4.0
THREADS = 24
"""At any time: its pools are bounded, and fill up as they are needed."""
SETTLE_SECONDS = 120
IDLE_FILES = 4
"""So many more files than at the start may be open when everybody has gone."""


@dataclass(frozen=True)
class Soak:
    """How long, how many, and how often the server is stopped."""

    seconds: float
    sessions: int
    watchers: int
    life_seconds: float
    warm_up_seconds: float
    idle_unload_seconds: float


def _hands(folder: Path, soak: Soak) -> Hands:
    settings = {"idle_unload_seconds": soak.idle_unload_seconds}
    return make_hands(folder, sessions=settings, server={"shutdown_grace_seconds": 2})


async def _soaked(hands: Hands, soak: Soak, load: Load) -> None:
    server, report = hands.server, load.report
    server.start()
    report.idle_descriptors = (_descriptors(server), 0)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(server.client()) for _ in range(4)]
        await asyncio.gather(*(load.create(clients[0]) for _ in range(soak.sessions)))
        async with asyncio.TaskGroup() as tasks:
            deciding = tasks.create_task(load.decide(clients[1]))
            talking = [tasks.create_task(load.talk(clients[1], number)) for number in range(TALKERS)]
            watching = [tasks.create_task(load.watch(clients[2], number)) for number in range(soak.watchers)]
            await _lives(server, soak, load)
            load.over.set()
            await asyncio.gather(*talking)
            async with asyncio.timeout(SETTLE_SECONDS):
                await load.until_idle(clients[3])
                await load.until_all_seen(clients[3])
            for task in (deciding, *watching):
                task.cancel()
    await _left_alone(server, report)


async def _lives(server: RealServer, soak: Soak, load: Load) -> None:
    """Use it, sample it each second, and now and then let it die in one way or another."""
    ends = time.monotonic() + soak.seconds
    while True:
        born, life = time.monotonic(), server.starts
        until = min(born + soak.life_seconds, ends)
        while time.monotonic() < until:
            assert server.process is not None
            load.report.samples.append(sample(server.process.pid, life, time.monotonic() - born))
            await take_time(1)
        if ends - until < soak.life_seconds / 2:
            return
        load.quiet_until = float("inf")
        if life % 2:
            await asyncio.to_thread(server.terminate)
        else:
            server.kill()
        await asyncio.to_thread(server.start)
        load.quiet_until = time.monotonic() + 3
        load.report.count("restarts")


def _descriptors(server: RealServer) -> int:
    assert server.process is not None
    return descriptors(server.process.pid)


async def _left_alone(server: RealServer, report: Report) -> None:
    """Everybody has gone: what they used is given back."""
    before = report.idle_descriptors[0]
    await until(lambda: _descriptors(server) <= before + IDLE_FILES, bound=60, pause=0.2)
    report.idle_descriptors = (before, _descriptors(server))


def _judged(hands: Hands, load: Load) -> None:
    """All logs are whole, no command took effect twice, and no watcher saw anything twice or anything else."""
    logs = {name: hands.server.records(name) for name in load.sessions}
    load.report.count("records", sum(len(log) for log in logs.values()))
    for watcher in load.watched:
        load.report.count("records seen", len(watcher.records))
        whole(watcher.records)
        if watcher.session_id in logs:
            same(watcher.records, logs[watcher.session_id])
    assert max(hands.count().values(), default=0) <= 1
    done = Counter(
        record.event.content.split()[1]
        for log in logs.values()
        for record in log
        if isinstance(record.event, ToolFinished) and record.event.outcome == "ok" and "did " in record.event.content
    )
    assert set(done) <= set(hands.count())
    load.report.count("commands", len(done))
    said = hands.server.log.read_text()
    assert "Traceback" not in said, said
    assert "ERROR" not in said, said


def _soak(campaign: Campaign, folder: Path, soak: Soak) -> Report:
    hands = _hands(folder, soak)
    report = Report(soak.seconds / 60, soak.sessions, soak.watchers, warm_up_seconds=soak.warm_up_seconds)
    with campaign.case(0) as chance:
        load = Load(hands, report, chance)
        try:
            asyncio.run(_soaked(hands, soak, load))
        finally:
            hands.server.stop()
        _judged(hands, load)
    print(report.table())  # noqa: T201  # what a campaign did
    if path := os.environ.get("DURAGENT_SOAK_JSON"):
        Path(path).write_text(report.as_json())
    return report


def test_server_in_use_loses_nothing_and_gives_back_what_it_used(campaign: Campaign, tmp_path: Path) -> None:
    soak = Soak(seconds=9, sessions=20, watchers=15, life_seconds=3, warm_up_seconds=1, idle_unload_seconds=1)
    report = _soak(campaign, tmp_path, soak)
    assert report.counts["restarts"] >= 1
    assert len(report.latencies) > 5


@pytest.mark.campaign
@pytest.mark.timeout(MINUTES * 60 * 1.5 + 900)
def test_server_in_use_for_long_needs_no_more_and_more(campaign: Campaign, tmp_path: Path) -> None:
    life = min(120.0, MINUTES * 60 / 4)
    soak = Soak(MINUTES * 60, 200, 100, life_seconds=life, warm_up_seconds=life / 3, idle_unload_seconds=20)
    report = _soak(campaign, tmp_path, soak)
    slopes = report.slopes()
    assert slopes["rss_mib"] < RSS_SLOPE_MIB, report.table()
    assert slopes["descriptors"] < FILES_SLOPE, report.table()
    assert max(each.threads for each in report.samples) <= THREADS, report.table()

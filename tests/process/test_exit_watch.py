"""To be told that a process has ended."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from duragent.process.exit_watch import ExitWatch
from tests.support.bounds import LIMIT_SECONDS
from tests.support.spools import run, sh


def test_command_is_followed_on_uvloop_too(tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        found = loop.run(run(tmp_path, sh("sleep 0.1; echo hi", tmp_path)))
    assert found.stdout.head == b"hi\n"


def program(script: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE)


async def test_end_is_told_at_once_and_for_ever() -> None:
    process = program("read _")
    with ExitWatch(process.pid, None, ours=True) as watch:
        assert not await watch.wait(0)
        waiting = asyncio.create_task(watch.wait(LIMIT_SECONDS))
        assert process.stdin is not None
        process.stdin.close()
        assert await waiting
        assert await watch.wait(0)
    process.wait()


@pytest.mark.parametrize("started", [None, 1])
async def test_process_that_is_gone_or_another_one_has_ended_already(started: int | None) -> None:
    gone = program(":")
    gone.wait()
    with ExitWatch(gone.pid if started is None else os.getpid(), started) as watch:
        assert await watch.wait(0)


async def test_descriptor_is_closed_when_nobody_watches_any_more() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with ExitWatch(os.getpid(), None, ours=True) as watch:
        assert not await watch.wait(0)
    assert len(os.listdir("/proc/self/fd")) == before

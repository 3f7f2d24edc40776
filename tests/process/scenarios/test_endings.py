"""Commands that have to be ended: late, unwilling, scattered."""

import asyncio
import os
import resource
import signal
import sys
import time
from pathlib import Path

import pytest

from duragent.process.base import Finished
from tests.support.bounds import LIMIT_SECONDS
from tests.support.spools import CALL, SESSION, call_folder, claim_of, living_in, opened, run, sh
from tests.support.until import until

_UNWILLING = "trap '' TERM HUP INT; while :; do sleep 30; done"
# Forks, leaves its session, forks again, and holds nothing of what it had.
_DAEMON = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if len(sys.argv) > 1:
            os.closerange(0, 3)
        open("daemon", "w").close()
        time.sleep(60)
    os._exit(0)
while not os.path.exists("daemon"):
    time.sleep(0.01)
"""


async def test_late_command_is_ended_at_its_deadline(tmp_path: Path) -> None:
    found = await run(tmp_path, sh("echo begun; sleep 1000", tmp_path), 3.0)
    assert (found.ending, found.exit_code, found.signal) == ("timeout", None, signal.SIGTERM)
    assert found.stdout.head == b"begun\n"
    assert 3.0 <= found.seconds < LIMIT_SECONDS
    assert living_in(tmp_path) == []


async def test_late_command_may_tidy_up(tmp_path: Path) -> None:
    script = "trap 'echo tidied; exit 7' TERM; echo begun; while :; do sleep 0.05; done"
    found = await run(tmp_path, sh(script, tmp_path), 3.0)
    assert (found.ending, found.exit_code, found.stdout.head) == ("timeout", 7, b"begun\ntidied\n")


async def test_unwilling_command_is_killed_with_its_children(tmp_path: Path) -> None:
    script = f"({_UNWILLING}) & (setsid sh -c '{_UNWILLING.replace(chr(39), chr(34))}') & {_UNWILLING}"
    found = await run(tmp_path, sh(script, tmp_path), 3.0)
    assert (found.ending, found.signal) == ("timeout", signal.SIGKILL)
    assert 4.9 <= found.seconds < LIMIT_SECONDS
    assert living_in(tmp_path) == []


async def test_endless_output_ends_at_the_deadline(tmp_path: Path) -> None:
    found = await run(tmp_path, sh("trap '' TERM; yes & yes >&2", tmp_path), 0.3)
    assert (found.ending, living_in(tmp_path)) == ("timeout", [])
    assert found.seconds < LIMIT_SECONDS


@pytest.mark.parametrize("closing", [(), ("close",)])
async def test_daemon_does_not_outlive_its_command(tmp_path: Path, closing: tuple[str, ...]) -> None:
    command = sh('"$PYTHON" -c "$DAEMON" $CLOSING; echo done', tmp_path, PYTHON=sys.executable, DAEMON=_DAEMON)
    command = sh(command.argv[2], tmp_path, **{**command.env, "CLOSING": " ".join(closing)})
    found = await run(tmp_path, command)
    assert (found.ending, found.exit_code, found.stdout.head) == ("exited", 0, b"done\n")
    assert (tmp_path / "daemon").exists()
    assert living_in(tmp_path) == []


async def test_background_job_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    found = await run(tmp_path, sh("sleep 1000 & echo hi", tmp_path))
    assert (found.exit_code, found.stdout.head) == (0, b"hi\n")
    assert time.monotonic() - began < LIMIT_SECONDS
    assert living_in(tmp_path) == []


async def test_command_that_closes_its_pipes_is_still_waited_for_and_ended(tmp_path: Path) -> None:
    found = await run(tmp_path, sh("echo hi; exec >&- 2>&- <&-; sleep 1000", tmp_path), 3.0)
    assert (found.ending, found.stdout.head, found.signal) == ("timeout", b"hi\n", signal.SIGTERM)
    found = await _run_second(tmp_path)
    assert (found.ending, found.exit_code) == ("exited", 5)


async def _run_second(tmp_path: Path) -> Finished:
    spool = await opened(tmp_path)
    command = sh("exec >&- 2>&-; sleep 0.2; exit 5", tmp_path)
    return await spool.commands(SESSION, "call_2").run(command, timeout_seconds=LIMIT_SECONDS)


async def test_stopped_command_is_ended(tmp_path: Path) -> None:
    found = await run(tmp_path, sh("kill -STOP $$; exit 1", tmp_path), 0.3)
    assert (found.ending, found.signal) == ("timeout", signal.SIGTERM)


@pytest.mark.parametrize("whom", ["commands", "runner"])
async def test_cancelled_command_says_so_and_is_gone(tmp_path: Path, whom: str) -> None:
    spool = await opened(tmp_path)
    commands = spool.commands(SESSION, CALL)
    running = asyncio.create_task(commands.run(sh("echo begun; sleep 1000", tmp_path), timeout_seconds=LIMIT_SECONDS))
    await until(lambda: (call_folder(tmp_path) / "stdout.0").exists())
    if whom == "runner":
        os.kill(claim_of(tmp_path)["pid"], signal.SIGTERM)
    else:
        await spool.commands(SESSION, CALL).end()
        assert living_in(tmp_path) == []
    found = await running
    assert (found.ending, found.exit_code, found.signal) == ("cancelled", None, signal.SIGTERM)
    assert found.stdout.head == b"begun\n"
    await commands.end()
    assert await commands.run(sh("echo again", tmp_path), timeout_seconds=LIMIT_SECONDS) == found


async def test_command_is_ended_though_its_start_is_under_way(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    for number in range(10):
        commands = spool.commands(SESSION, f"call_{number}")
        running = asyncio.create_task(commands.run(sh("sleep 1000", tmp_path), timeout_seconds=LIMIT_SECONDS))
        # A little further in its start each time.
        for _ in range(number * number):
            await asyncio.sleep(0)
        running.cancel()
        await commands.end()
        assert living_in(tmp_path) == []
        assert await spool.evidence(SESSION, f"call_{number}", spool.id) in ("finished", "never_started")


async def test_command_can_be_ended_though_its_runner_was_stopped(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    commands = spool.commands(SESSION, CALL)
    running = asyncio.create_task(commands.run(sh("sleep 1000", tmp_path), timeout_seconds=LIMIT_SECONDS))
    claim = await until(lambda: claim_of(tmp_path))
    os.kill(claim["pid"], signal.SIGSTOP)
    await commands.end()
    assert (await running).ending == "cancelled"
    assert living_in(tmp_path) == []


async def test_command_whose_output_cannot_be_stored_is_ended(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    os.mkfifo(tmp_path / "go")
    script = "read _ < go; yes"
    running = asyncio.create_task(
        spool.commands(SESSION, CALL).run(sh(script, tmp_path), timeout_seconds=LIMIT_SECONDS)
    )
    claim = await until(lambda: claim_of(tmp_path))
    # As on a full disk, writes fail from some size on; the signal that goes with it is one that Python ignores.
    resource.prlimit(claim["pid"], resource.RLIMIT_FSIZE, (100_000, 100_000))
    await asyncio.to_thread((tmp_path / "go").write_text, "\n")
    found = await running
    assert (found.ending, found.error) == (
        "cancelled",
        "it was ended because its output could not be stored: File too large",
    )
    assert found.stdout.head == (b"y\n" * 50_000)
    assert living_in(tmp_path) == []

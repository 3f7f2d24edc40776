"""The process ends, also when something in it never returns."""

import subprocess
import sys

import pytest

from tests.support.bounds import LIMIT_SECONDS

PROGRAM = """
import asyncio, logging, sys, threading
from duragent.server.ending import end_for_sure

async def main():
    logging.basicConfig()
    stop = asyncio.Event()
    watching = asyncio.create_task(end_for_sure(stop, 0.01, 0.01))
    if sys.argv[1] == "stopped":
        stop.set()
        await watching
        threading.Event().wait()  # A disk that never answers.
    await asyncio.wait({watching}, timeout=0.05)

asyncio.run(main())
"""


@pytest.mark.parametrize(("what", "hangs"), [("stopped", True), ("running", False)])
def test_process_that_hangs_is_ended_after_the_grace_and_only_when_it_was_told_to_stop(what: str, hangs: bool) -> None:
    command = [sys.executable, "-c", PROGRAM, what]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    assert (ran.returncode, "something still hangs: ending all the same" in ran.stderr) == (0, hangs), ran.stderr

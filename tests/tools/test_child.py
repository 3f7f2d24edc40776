import asyncio
import os
import sys
from pathlib import Path

import pytest

from duragent.tools.child import ChildLimits, Ended, run_child
from tests.support.until import until

PLENTY = ChildLimits(20, 1 << 20)


def python(text: str) -> list[str]:
    return [sys.executable, "-I", "-c", text]


async def test_child_gives_what_it_wrote_and_its_code(tmp_path: Path) -> None:
    text = (
        "import os, sys; sys.stderr.write('bad'); print(os.getcwd(), sys.stdin.read(), sorted(os.environ)); sys.exit(3)"
    )

    ended = await run_child(python(text), tmp_path, PLENTY, b"given")

    assert ended == Ended(f"{tmp_path} given ['LANG', 'PATH']\n".encode(), "bad", 3)


async def test_child_is_stopped_at_a_limit(tmp_path: Path) -> None:
    slow = await run_child(python("import time; print(1, flush=True); time.sleep(60)"), tmp_path, ChildLimits(0.5, 100))
    much = await run_child(python("while True: print('x' * 99)"), tmp_path, ChildLimits(20, 1000))
    loud = await run_child(python("import sys; sys.stderr.write('x' * 1_000_000)"), tmp_path, PLENTY)

    assert (slow.output, slow.code, slow.limit) == (b"1\n", None, "stopped after 0.5 seconds")
    assert (len(much.output), much.code, much.limit) == (1000, None, "too much output")
    assert (len(loud.errors), loud.code) == (4096, 0)


async def test_child_is_gone_when_its_caller_is_cancelled(tmp_path: Path) -> None:
    text = "import os, time; open('new', 'w').write(str(os.getpid())); os.rename('new', 'pid'); time.sleep(60)"
    running = asyncio.create_task(run_child(python(text), tmp_path, PLENTY))
    await until((tmp_path / "pid").exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_child_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await run_child(["/no/such/program"], tmp_path, PLENTY)

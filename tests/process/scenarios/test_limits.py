"""Bombs: whatever a command does to the machine, a limit ends it, says so, and nothing of it is left.

Each bomb is bounded by itself too (so many levels, so much memory, half a minute), so that a fault in a limit harms no
machine that runs the tests."""

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from duragent.process import process_table
from duragent.process.base import Finished, LimitReached
from duragent.sandboxes.base import Command, CommandLimits, Confinement, Sandbox
from duragent.sandboxes.bubblewrap import Bubblewrap
from duragent.sandboxes.settings import LimitSettings
from duragent.sandboxes.trust import Trust
from duragent.tools.command_output import result_of
from tests.support.bounds import LIMIT_SECONDS
from tests.support.machine import needs_bubblewrap
from tests.support.spools import opened, sh

MARK = "DURAGENT_BOMB"
SMALL = CommandLimits(processes=60, memory_bytes=192 << 20, file_bytes=8 << 20, open_files=64, cpu_seconds=None)


@dataclass(frozen=True)
class Bomb:
    """`python` or else `sh` is the script; `limit` is the one that it goes over."""

    limit: str
    sh: str = ""
    python: str = ""


_LEVELS = "b() {{ [ $1 -gt 0 ] || {{ sleep 30; return; }}; {fork}{fork} sleep 30; }}; "
_FORK = _LEVELS.format(fork="b $(($1-1)) & ") + "b 7"
_DOUBLE = """
import os, time
def scatter(level):
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                if level:
                    scatter(level - 1)
                time.sleep(30)
            os._exit(0)
scatter(6)
time.sleep(30)
"""
BOMBS = {
    "forks": Bomb("processes", sh=_FORK),
    "forks-that-leave-group-and-parent": Bomb("processes", python=_DOUBLE),
    "forks-when-asked-to-end": Bomb("processes", sh=f"trap '{_FORK}' TERM; kill -TERM $$; sleep 1000"),
    "processes-of-a-pool": Bomb(
        "processes",
        python="import os, time\nfor _ in range(200):\n    if os.fork() == 0: break\ntime.sleep(30)",
    ),
    "zombies": Bomb(
        "processes",
        python="import os, time\nfor _ in range(200):\n    if os.fork() == 0: os._exit(0)\ntime.sleep(30)",
    ),
    "threads": Bomb(
        "processes",
        python="import threading, time\nthreading.stack_size(65536)\n"
        "for _ in range(300): threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\ntime.sleep(30)",
    ),
    "memory-of-one": Bomb(
        "memory_bytes",
        python="import time\nkept = []\nfor _ in range(80): kept.append(b'x' * (4 << 20))\ntime.sleep(30)",
    ),
    "memory-of-many": Bomb(
        "memory_bytes",
        python="import os, time\nfor _ in range(20):\n    if os.fork() == 0: break\n"
        "x = b'x' * (24 << 20); time.sleep(30)",
    ),
    "a-sparse-file": Bomb("file_bytes", sh="exec truncate -s 1G big"),
    "a-real-file": Bomb("file_bytes", sh="exec head -c 64M /dev/zero > big"),
    "a-file-of-a-child": Bomb("file_bytes", sh="head -c 64M /dev/zero > big"),
    "spinning-on-all-cores": Bomb("cpu_seconds", sh="for n in 1 2 3 4; do while :; do :; done & done; wait"),
}


@pytest.fixture(params=[pytest.param(Bubblewrap, marks=needs_bubblewrap), Trust])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    made: Sandbox = request.param()
    return made


def command(bomb: Bomb, folder: Path, limits: CommandLimits) -> Command:
    bare = sh(bomb.sh, folder, **{MARK: str(folder)})
    argv = (os.path.realpath(sys.executable), "-I", "-S", "-c", bomb.python) if bomb.python else bare.argv
    return replace(bare, argv=argv, limits=limits)


def left_of(folder: Path) -> list[int]:
    """The processes that have the bomb's mark in their environment, wherever they went."""
    found = []
    for each in process_table.processes():
        try:
            environment = Path(f"/proc/{each.pid}/environ").read_bytes()
        except OSError:
            continue
        if f"{MARK}={folder}".encode() in environment and not each.dead:
            found.append(each.pid)
    return found


async def exploded(tmp_path: Path, wrapped: Command) -> Finished:
    """The bomb's end; another command is run beside it."""
    spool = await opened(tmp_path)
    async with asyncio.timeout(LIMIT_SECONDS):
        bomb = asyncio.create_task(spool.commands("session_a", "call_bomb").run(wrapped, timeout_seconds=LIMIT_SECONDS))
        beside = await spool.commands("session_b", "call_beside").run(
            sh("echo hi", tmp_path), timeout_seconds=LIMIT_SECONDS
        )
        assert beside.stdout.head == b"hi\n"
        return await bomb


@pytest.mark.parametrize("name", BOMBS)
async def test_bomb_is_ended_by_its_limit_which_is_told_and_leaves_nothing(
    tmp_path: Path, folder: Path, sandbox: Sandbox, name: str
) -> None:
    bomb = BOMBS[name]
    limits = replace(SMALL, cpu_seconds=1 if bomb.limit == "cpu_seconds" else None)
    wrapped = sandbox.wrap(command(bomb, folder, limits), Confinement((folder,)))
    found = await exploded(tmp_path, wrapped)
    assert found.limit == LimitReached(bomb.limit, getattr(limits, bomb.limit))
    result = result_of(found, "c1", 40)
    assert result.outcome == "error"
    assert f"`sandbox.limits.{bomb.limit.replace('bytes', 'mebibytes')}` in duragent.yaml" in result.content
    assert left_of(folder) == []
    for each in folder.iterdir():
        assert each.stat().st_size <= 8 << 20


async def test_cpu_time_of_children_that_have_ended_counts(tmp_path: Path, folder: Path) -> None:
    bomb = Bomb("cpu_seconds", sh="while :; do sh -c 'n=0; while [ $n -lt 9999 ]; do n=$((n+1)); done'; done")
    found = await exploded(tmp_path, command(bomb, folder, CommandLimits(cpu_seconds=1)))
    assert (found.limit, left_of(folder)) == (LimitReached("cpu_seconds", 1), [])


async def test_bomb_that_its_command_leaves_behind_is_ended_with_it(
    tmp_path: Path, folder: Path, sandbox: Sandbox
) -> None:
    """It ignores SIGTERM, so it may reach a limit before it is killed; bubblewrap ends it with its command."""
    bomb = Bomb("processes", sh=f"trap '' TERM; ({_FORK}) & exit 3")
    found = await exploded(tmp_path, sandbox.wrap(command(bomb, folder, SMALL), Confinement((folder,))))
    assert (found.limit is not None or found.exit_code == 3, left_of(folder)) == (True, [])
    if found.limit and found.ending == "exited":
        said = result_of(found, "c1", 40).content
        assert said.startswith("[exit code 3; what the command left running had more than 60 processes and threads")


async def test_process_that_is_always_another_one_does_not_outrun_its_end(
    tmp_path: Path, folder: Path, sandbox: Sandbox
) -> None:
    """Each process forks the next one and ends: whoever reads the table of processes comes late.

    They hold a FIFO open, so that the kernel tells whether one is left.
    """
    script = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
held = os.open("fifo", os.O_WRONLY)
until = time.monotonic() + 30
while time.monotonic() < until:
    if os.fork():
        os._exit(0)
    os.setsid()
"""
    os.mkfifo(folder / "fifo")
    reading = os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    bomb = Bomb("", sh=f'"{os.path.realpath(sys.executable)}" -I -S -c "$BOMB"; sleep 30')
    bare = command(bomb, folder, SMALL)
    wrapped = sandbox.wrap(replace(bare, env={**bare.env, "BOMB": script}), Confinement((folder,)))
    try:
        found = await (await opened(tmp_path)).commands("session_a", "call_a").run(wrapped, timeout_seconds=1)
        assert (found.ending, found.error) == ("timeout", "")
        assert os.read(reading, 1) == b"", "nobody holds it any more; else reading would have to wait"
    finally:
        os.close(reading)


async def test_open_files_are_limited_for_each_process(tmp_path: Path, folder: Path, sandbox: Sandbox) -> None:
    script = """
import os
kept = []
try:
    for _ in range(1000): kept.append(os.dup(0))
except OSError as error:
    print(len(kept) < 64, error.strerror)
"""
    found = await exploded(
        tmp_path, sandbox.wrap(command(Bomb("", python=script), folder, SMALL), Confinement((folder,)))
    )
    assert found.stdout.head == b"True Too many open files\n"


@needs_bubblewrap
@pytest.mark.parametrize("place", ["/tmp", "/var/tmp", "/dev/shm", "/dev"])
async def test_private_folders_cannot_be_filled_beyond_the_memory(tmp_path: Path, folder: Path, place: str) -> None:
    """Many files, each below the limit of one file."""
    script = f"n=0; while [ $n -lt 60 ]; do head -c 7M /dev/zero > {place}/$n || exit 9; n=$((n+1)); done; sleep 1000"
    wrapped = Bubblewrap().wrap(command(Bomb("", sh=script), folder, SMALL), Confinement((folder,)))
    found = await exploded(tmp_path, wrapped)
    if found.limit is None:
        assert (found.exit_code, b"No space left" in found.stderr.head or place == "/dev") == (9, True)
    else:
        assert found.limit == LimitReached("memory_bytes", 192 << 20)


async def test_without_limits_nothing_is_ended(tmp_path: Path, folder: Path) -> None:
    script = """
import os
big = b"x" * (200 << 20)
open("big", "wb").write(big[:9 << 20])
held, release = os.pipe()
for _ in range(70):
    if os.fork() == 0:
        os.close(release)
        os.read(held, 1)
        os._exit(0)
os.close(release)
for _ in range(70):
    os.wait()
"""
    found = await exploded(tmp_path, command(Bomb("", python=script), folder, CommandLimits()))
    assert (found.ending, found.exit_code, found.limit) == ("exited", 0, None)


ORDINARY = {
    "make": (
        "make",
        "printf 'all: a b c d e f\\n%%:\\n\\t@head -c 9 /dev/zero > $@\\n' > Makefile && make -j > out && ls f",
    ),
    "git": (
        "git",
        "git init -q . && echo 1 > f && git add f && git -c user.name=a -c user.email=b commit -qm c && ls f",
    ),
    "tar": ("tar", "echo 1 > f && tar czf - f | tar xzf - && ls f"),
    "pool": (
        "python3",
        'python3 -c "import multiprocessing as m; print(sum(m.Pool(16).map(abs, range(99))))" && touch f && ls f',
    ),
}


@pytest.mark.parametrize("name", ORDINARY)
async def test_ordinary_programs_stay_within_the_limits_that_hold_by_default(
    tmp_path: Path, folder: Path, sandbox: Sandbox, name: str
) -> None:
    program, script = ORDINARY[name]
    if shutil.which(program, path="/usr/bin:/bin") is None:
        pytest.skip(f"{program} is not installed")
    ordinary = command(Bomb("", sh=script), folder, LimitSettings().limits())
    found = await exploded(tmp_path, sandbox.wrap(ordinary, Confinement((folder,))))
    assert (found.ending, found.exit_code, found.limit, found.stderr.head) == ("exited", 0, None, b"")
    assert found.stdout.head.endswith(b"f\n")

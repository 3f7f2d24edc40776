"""What stands between a runner and those that end or repeat it: each has a test here that names it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from duragent.process import folder as files
from duragent.process import process_table, runner
from tests.support.bounds import LIMIT_SECONDS
from tests.support.spools import CALL, SESSION, claim_of, opened, sh
from tests.support.until import until


async def test_runner_and_its_command_are_not_of_the_servers_group(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    commands = spool.commands(SESSION, CALL)
    running = asyncio.create_task(commands.run(sh("touch begun; sleep 1000", tmp_path), timeout_seconds=LIMIT_SECONDS))
    # By then the forked process is in its own session; it may not be when the runner writes down who it is.
    await until((tmp_path / "begun").exists)
    claim = claim_of(tmp_path)
    # Ctrl-C in the server's terminal, or a kill of its group, reaches neither of them.
    assert [os.getsid(claim[who]) for who in ("pid", "child")] == [claim["pid"], claim["child"]]
    assert os.getsid(0) not in (claim["pid"], claim["child"])
    await commands.end()
    assert (await running).ending == "cancelled"


def test_call_is_claimed_once(tmp_path: Path) -> None:
    assert [runner.claim({"boot": "b", "pid": number}, str(tmp_path)) for number in (1, 2)] == [True, False]
    assert (tmp_path / "runner.json").read_text() == '{"boot": "b", "pid": 1}'


def test_end_of_a_command_is_synced_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def synced(fd: int) -> None:
        happened.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))))
        fsync(fd)

    def renamed(old: str, new: str) -> None:
        happened.append(("rename", os.path.basename(new)))
        rename(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    runner.tell_exit(str(tmp_path), {"ending": "exited"})
    new = f".exit.json.{os.getpid()}"
    assert happened == [("sync", new), ("rename", "exit.json"), ("sync", tmp_path.name)]
    happened.clear()
    # After a power cut a call without a folder counts as never started.
    files.make(tmp_path / "session_1.call_1", sh("true", tmp_path), 1.0)
    assert happened == [("rename", "session_1.call_1"), ("sync", tmp_path.name)]


def test_runner_of_another_boot_is_not_alive_whoever_has_its_number_now() -> None:
    mine = process_table.process(os.getpid())
    assert mine is not None
    claim = files.RunnerClaim(boot=runner.boot_id(), pid=mine.pid, started=mine.started)
    assert files.is_alive(claim)
    assert not files.is_alive(claim.model_copy(update={"boot": "another"}))
    assert not files.is_alive(claim.model_copy(update={"started": mine.started - 1}))


_SLOW = """
import importlib.util, os, sys, time
spec = importlib.util.spec_from_file_location("runner", sys.argv[1])
runner = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)
real = runner.claim

def slow(identity, folder="."):
    open(sys.argv[3] + "/ready", "w").close()
    while not os.path.exists(sys.argv[3] + "/go"):
        time.sleep(0.005)
    return real(identity, folder)

runner.claim = slow
sys.exit(runner.main(sys.argv[2]))
"""


def test_runner_that_comes_late_starts_nothing_while_its_folder_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server was killed, the next one saw to it that the command never starts, and forgets the folder."""
    folder = tmp_path / f"{SESSION}.{CALL}"
    files.make(folder, sh("touch done", tmp_path), 60)
    late = subprocess.Popen([sys.executable, "-c", _SLOW, runner.__file__, str(folder), str(tmp_path)])
    asyncio.run(until((tmp_path / "ready").exists))
    assert files.void(folder)
    # The removal has come as far as the file that says so.
    monkeypatch.setattr("duragent.process.folder.shutil.rmtree", lambda old, **_: os.unlink(old / runner.CLAIM))
    files.remove(folder)
    (tmp_path / "go").touch()
    assert late.wait(LIMIT_SECONDS) == 0
    assert not (tmp_path / "done").exists()

"""Where commands leave their results: one execution for a call, whoever asks and how often."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from duragent.errors import InvalidRequest, RunnerLost, Unavailable
from duragent.process import folder as files
from duragent.process import runner
from duragent.process.spool import Spool
from tests.support.bounds import LIMIT_SECONDS
from tests.support.spools import CALL, SESSION, call_folder, claim_of, living_in, opened, sh
from tests.support.until import until


async def test_watcher_sees_output_while_it_comes(tmp_path: Path) -> None:
    spool, seen = await opened(tmp_path), list[str]()
    go, on = tmp_path / "go", tmp_path / "on"
    for each in (go, on):
        os.mkfifo(each)
    # The euro sign comes in two halves.
    script = "printf 'one \\342\\202'; read _ < go; printf '\\254 two \\377'; read _ < on; echo oops >&2"
    running = asyncio.create_task(
        spool.commands(SESSION, CALL, seen.append).run(sh(script, tmp_path), timeout_seconds=LIMIT_SECONDS)
    )
    await until(lambda: "one " in "".join(seen))
    assert not running.done()
    assert "".join(seen) == "one "
    go.write_text("\n")
    # What comes at the same time on two streams has no order.
    await until(lambda: "".join(seen) == "one € two \N{REPLACEMENT CHARACTER}")
    on.write_text("\n")
    await running
    assert "".join(seen) == "one € two \N{REPLACEMENT CHARACTER}oops\n"


async def test_watcher_of_much_output_sees_only_some_of_it(tmp_path: Path) -> None:
    spool, seen = await opened(tmp_path), list[str]()
    script = "head -c 50000000 /dev/zero | tr '\\0' x; echo end"
    await spool.commands(SESSION, CALL, seen.append).run(sh(script, tmp_path), timeout_seconds=LIMIT_SECONDS)
    text = "".join(seen)
    assert len(text) < 5_000_000
    assert "bytes …]\n" in text
    assert text.endswith("xend\n")


async def test_second_run_is_given_the_first_ones_end(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    command = sh("echo once >> count; echo $$", tmp_path)
    first = await spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS)
    second = await (await opened(tmp_path)).commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS)
    assert first == second
    assert (tmp_path / "count").read_text() == "once\n"


async def test_runs_at_the_same_time_are_one_execution(tmp_path: Path) -> None:
    spools = [await opened(tmp_path) for _ in range(3)]
    command = sh("echo once >> count; sleep 0.2; echo $$", tmp_path)
    runs = [
        spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS) for spool in spools for _ in range(3)
    ]
    ends = await asyncio.gather(*runs)
    assert (tmp_path / "count").read_text() == "once\n"
    assert ends == [ends[0]] * 9


async def test_calls_of_a_crowd_run_side_by_side(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    runs = [
        spool.commands(SESSION, f"call_{number}").run(
            sh(f"sleep 0.1; echo {number}", tmp_path), timeout_seconds=LIMIT_SECONDS
        )
        for number in range(30)
    ]
    ends = await asyncio.gather(*runs)
    assert [each.stdout.head for each in ends] == [b"%d\n" % number for number in range(30)]


async def test_cancelled_waiter_leaves_the_command_running(tmp_path: Path) -> None:
    spool, go = await opened(tmp_path), tmp_path / "go"
    os.mkfifo(go)
    command = sh("read line < go; echo got $line", tmp_path)
    waiting = asyncio.create_task(spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS))
    await until(lambda: claim_of(tmp_path))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await spool.evidence(SESSION, CALL, spool.id) == "running"
    again = asyncio.create_task(spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS))
    await asyncio.to_thread(go.write_text, "it\n")
    assert (await again).stdout.head == b"got it\n"
    assert await spool.evidence(SESSION, CALL, spool.id) == "finished"


async def test_forgotten_call_starts_anew(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    command = sh("echo once >> count", tmp_path)
    for _ in range(2):
        await spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS)
        await spool.forget(SESSION, CALL)
        assert os.listdir(tmp_path / "run" / "spool") == ["id"]
    assert await spool.evidence(SESSION, CALL, spool.id) == "never_started"
    assert (tmp_path / "count").read_text() == "once\nonce\n"


async def test_sweep_removes_what_nobody_waits_for_and_ends_it(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    (tmp_path / "kept").mkdir()
    (tmp_path / "left").mkdir()
    kept = asyncio.create_task(
        spool.commands(SESSION, "call_kept").run(sh("sleep 1000", tmp_path / "kept"), timeout_seconds=LIMIT_SECONDS)
    )
    left = asyncio.create_task(
        spool.commands(SESSION, CALL).run(
            sh("echo once >> started; sleep 1000", tmp_path / "left"), timeout_seconds=LIMIT_SECONDS
        )
    )
    await until(lambda: living_in(tmp_path / "kept") and living_in(tmp_path / "left"))
    (tmp_path / "run" / "spool" / f".old.{SESSION}.call_gone.1").mkdir()
    assert await spool.sweep(lambda session, call: (session, call) == (SESSION, "call_kept")) == 1
    assert living_in(tmp_path / "left") == []
    assert living_in(tmp_path / "kept") != []
    assert sorted(os.listdir(tmp_path / "run" / "spool")) == ["id", f"{SESSION}.call_kept"]
    await spool.commands(SESSION, "call_kept").end()
    assert (await kept).ending == "cancelled"
    # Who waited for it is told, if not by its end, and does not start it again.
    with contextlib.suppress(RunnerLost):
        assert (await left).ending == "cancelled"
    assert os.listdir(tmp_path / "left") == ["started"]
    assert (tmp_path / "left" / "started").read_text() == "once\n"


async def test_spool_keeps_its_id_and_a_new_one_knows_nothing(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    await spool.commands(SESSION, CALL).run(sh("true", tmp_path), timeout_seconds=LIMIT_SECONDS)
    assert (await opened(tmp_path)).id == spool.id
    os.rename(tmp_path / "run" / "spool", tmp_path / "elsewhere")
    other = await opened(tmp_path)
    assert other.id != spool.id
    assert await other.evidence(SESSION, CALL, spool.id) == "unknown"
    assert await other.evidence(SESSION, CALL, "") == "unknown"


@pytest.mark.parametrize("session_id", ["", "a/b", "..", "a.b", "A", "-a", "a" * 65, "a\n", "a\0"])
async def test_ids_that_could_be_paths_are_refused(tmp_path: Path, session_id: str) -> None:
    spool = await opened(tmp_path)
    with pytest.raises(InvalidRequest):
        spool.commands(session_id, CALL)
    with pytest.raises(InvalidRequest):
        await spool.forget(SESSION, session_id)


async def test_spool_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    (tmp_path / "run" / "spool").rename(tmp_path / "away")
    with pytest.raises(Unavailable, match="No such file"):
        await spool.commands(SESSION, CALL).run(sh("true", tmp_path), timeout_seconds=5)


async def test_spool_that_cannot_be_made_yet_knows_nothing_and_is_ready_later(tmp_path: Path) -> None:
    (tmp_path / "disk").write_text("not mounted yet")
    spool = await Spool.open(tmp_path / "disk" / "spool")
    assert spool.id == ""
    for asked in (spool.ready(), spool.sweep(lambda *_: False), spool.evidence(SESSION, CALL, "spool_of_before")):
        # A call that was started before is not lost because nobody can look now.
        with pytest.raises(Unavailable, match="Not a directory"):
            await asked
    (tmp_path / "disk").unlink()
    assert await spool.evidence(SESSION, CALL, "spool_of_before") == "unknown"
    assert spool.id.startswith("spool_")


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


def test_runner_that_comes_late_starts_nothing_while_its_folder_is_removed(tmp_path: Path) -> None:
    """Its server was killed, the next one saw to it that the command never starts, and forgets the folder."""
    folder = tmp_path / f"{SESSION}.{CALL}"
    files.make(folder, sh("touch done", tmp_path), 60)
    late = subprocess.Popen([sys.executable, "-c", _SLOW, runner.__file__, str(folder), str(tmp_path)])
    asyncio.run(until((tmp_path / "ready").exists))
    assert files.void(folder)
    # A removal has come as far as the file that says so.
    folder.rename(folder.with_name(f".old.{folder.name}"))
    (folder.with_name(f".old.{folder.name}") / runner.CLAIM).unlink()
    (tmp_path / "go").touch()
    assert late.wait(LIMIT_SECONDS) == 0
    assert not (tmp_path / "done").exists()


async def test_runner_that_cannot_even_begin_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('the interpreter is broken')")
    spool = await Spool.open(tmp_path / "spool", broken)
    with pytest.raises(Unavailable, match="the interpreter is broken"):
        await spool.commands(SESSION, CALL).run(sh("true", tmp_path), timeout_seconds=LIMIT_SECONDS)
    assert await spool.evidence(SESSION, CALL, spool.id) == "never_started"


async def test_named_pipe_in_place_of_a_runners_log_does_not_block(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    files.make(call_folder(tmp_path), sh("true", tmp_path), 20.0)
    os.mkfifo(call_folder(tmp_path) / "runner.log")
    with pytest.raises(Unavailable, match="named pipe"):
        await spool.commands(SESSION, CALL).run(sh("true", tmp_path), timeout_seconds=20)

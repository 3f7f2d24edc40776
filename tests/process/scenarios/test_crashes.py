"""The server, or a runner, is killed; whoever comes next knows what there is to know."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from duragent.errors import RunnerLost
from duragent.process import folder as files
from duragent.process import process_table, runner
from duragent.process.folder import RunnerClaim
from tests.support.bounds import LIMIT_SECONDS
from tests.support.spools import CALL, SESSION, call_folder, claim_of, kill, living_in, opened, run, sh, start_server
from tests.support.until import until


async def test_server_is_killed_and_the_next_one_gets_everything(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    script = "echo once >> count; echo before; read word < go; echo after $word; exit 4"
    server = start_server(tmp_path, "sh", "-c", script)
    await until(lambda: (call_folder(tmp_path) / "stdout.0").exists())
    spool_id = kill(server).splitlines()[0]
    spool, seen = await opened(tmp_path), list[str]()
    assert spool.id == spool_id
    assert await spool.evidence(SESSION, CALL, spool_id) == "running"
    commands = spool.commands(SESSION, CALL, seen.append)
    running = asyncio.create_task(commands.run(sh("echo another", tmp_path), timeout_seconds=LIMIT_SECONDS))
    await asyncio.to_thread((tmp_path / "go").write_text, "crash\n")
    found = await running
    assert (found.ending, found.exit_code, found.stdout.head) == ("exited", 4, b"before\nafter crash\n")
    assert "".join(seen) == "before\nafter crash\n"
    assert (tmp_path / "count").read_text() == "once\n"


async def test_command_ends_while_no_server_lives_and_the_next_one_reads_its_end(tmp_path: Path) -> None:
    server = start_server(
        tmp_path, "sh", "-c", "trap 'exit 6' TERM; echo hi; while :; do sleep 0.05; done", timeout=3.0
    )
    await until(lambda: (call_folder(tmp_path) / "stdout.0").exists())
    kill(server)
    await until(lambda: (call_folder(tmp_path) / runner.EXIT).exists())
    spool = await opened(tmp_path)
    assert await spool.evidence(SESSION, CALL, spool.id) == "finished"
    found = await spool.commands(SESSION, CALL).run(sh("echo another", tmp_path), timeout_seconds=LIMIT_SECONDS)
    assert (found.ending, found.exit_code, found.stdout.head) == ("timeout", 6, b"hi\n")


async def test_server_that_dies_before_it_spawned_a_runner_has_started_nothing(tmp_path: Path) -> None:
    server = start_server(tmp_path, "sh", "-c", "echo old >> count", crash="spool.made:1")
    assert server.wait(LIMIT_SECONDS) == -signal.SIGKILL
    server.communicate()
    spool = await opened(tmp_path)
    assert call_folder(tmp_path).exists()
    assert await spool.evidence(SESSION, CALL, spool.id) == "never_started"
    # A runner that comes late finds the door closed.
    late = await asyncio.create_subprocess_exec("python3", "-I", "-S", runner.__file__, call_folder(tmp_path))
    assert await late.wait() == 0
    assert not (tmp_path / "count").exists()
    assert await spool.evidence(SESSION, CALL, spool.id) == "never_started"
    await spool.commands(SESSION, CALL).run(sh("echo new >> count", tmp_path), timeout_seconds=LIMIT_SECONDS)
    assert (tmp_path / "count").read_text() == "new\n"


async def test_next_server_may_just_run_a_call_whose_runner_was_never_spawned(tmp_path: Path) -> None:
    server = start_server(tmp_path, "sh", "-c", "echo once >> count", crash="spool.made:1")
    server.communicate(timeout=LIMIT_SECONDS)
    found = await run(tmp_path, sh("echo once >> count", tmp_path))
    assert (found.exit_code, (tmp_path / "count").read_text()) == (0, "once\n")


async def test_server_that_dies_when_the_runner_is_spawned_loses_nothing(tmp_path: Path) -> None:
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        server = start_server(folder, "sh", "-c", "echo once >> count; sleep 0.1; exit 3", crash="spool.spawned:1")
        assert server.wait(LIMIT_SECONDS) == -signal.SIGKILL
        server.communicate()
        spool = await opened(folder)
        evidence = await spool.evidence(SESSION, CALL, spool.id)
        assert evidence in ("never_started", "running", "finished")
        found = await spool.commands(SESSION, CALL).run(
            sh("echo once >> count; exit 3", folder), timeout_seconds=LIMIT_SECONDS
        )
        assert (found.exit_code, (folder / "count").read_text()) == (3, "once\n")


async def test_server_that_dies_while_it_makes_the_folder_leaves_no_call(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    half = call_folder(tmp_path).with_name(f".new.{SESSION}.{CALL}")
    half.mkdir()
    (half / runner.SPEC).write_text("{")
    assert await spool.evidence(SESSION, CALL, spool.id) == "never_started"
    assert (await run(tmp_path, sh("exit 2", tmp_path))).exit_code == 2


async def test_killed_runner_is_noticed_and_its_command_ended(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    command = sh("trap '' PIPE TERM; setsid sleep 30 & sleep 30 & while :; do sleep 30; done", tmp_path)
    running = asyncio.create_task(spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS))
    await until(lambda: len(living_in(tmp_path)) == 4)
    os.kill(claim_of(tmp_path)["pid"], signal.SIGKILL)
    with pytest.raises(RunnerLost, match="may have run"):
        await running
    assert living_in(tmp_path) == []
    assert await spool.evidence(SESSION, CALL, spool.id) == "unknown"
    with pytest.raises(RunnerLost):
        await spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS)
    await spool.forget(SESSION, CALL)
    assert (await run(tmp_path, sh("exit 2", tmp_path))).exit_code == 2


async def test_runner_killed_while_no_server_lived_is_unknown_and_end_tidies_up(tmp_path: Path) -> None:
    server = start_server(tmp_path, "sleep", "30")
    claim = await until(lambda: claim_of(tmp_path))
    await until(lambda: claim["child"] in living_in(tmp_path))
    kill(server)
    os.kill(claim["pid"], signal.SIGKILL)
    await until(lambda: not files.is_running(claim["pid"], claim["started"]))
    spool = await opened(tmp_path)
    assert await spool.evidence(SESSION, CALL, spool.id) == "unknown"
    await spool.commands(SESSION, CALL).end()
    assert living_in(tmp_path) == []


@pytest.mark.parametrize("change", [{"boot": "another"}, {"child_started": 1}, {"void": True}])
async def test_process_that_only_has_the_same_number_is_left_alone(tmp_path: Path, change: dict[str, object]) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "30", start_new_session=True)
    found = process_table.process(stranger.pid)
    assert found is not None
    same = {"boot": runner.boot_id(), "pid": 1, "started": 1, "child": stranger.pid, "child_started": found.started}
    files.kill_survivors(RunnerClaim.model_validate(same | change))
    assert stranger.returncode is None
    assert files.is_running(stranger.pid, found.started)
    assert not files.is_running(stranger.pid, found.started + 1)
    files.kill_survivors(RunnerClaim.model_validate(same))
    assert await stranger.wait() == -signal.SIGKILL


async def test_call_of_another_boot_is_known_only_by_its_result(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    await spool.commands(SESSION, CALL).run(sh("exit 2", tmp_path), timeout_seconds=LIMIT_SECONDS)
    for name in (runner.SPEC, runner.CLAIM):
        path = call_folder(tmp_path) / name
        path.write_text(json.dumps(json.loads(path.read_text()) | {"boot": "another"}))
    assert await spool.evidence(SESSION, CALL, spool.id) == "finished"
    (call_folder(tmp_path) / runner.EXIT).unlink()
    assert await spool.evidence(SESSION, CALL, spool.id) == "unknown"
    (call_folder(tmp_path) / runner.CLAIM).unlink()
    assert await spool.evidence(SESSION, CALL, spool.id) == "unknown"


@pytest.mark.parametrize("name", [runner.EXIT, "stdout.0"])
async def test_result_that_is_not_whole_is_no_result(tmp_path: Path, name: str) -> None:
    spool = await opened(tmp_path)
    await spool.commands(SESSION, CALL).run(sh("echo hello", tmp_path), timeout_seconds=LIMIT_SECONDS)
    os.truncate(call_folder(tmp_path) / name, 3)
    assert await spool.evidence(SESSION, CALL, spool.id) == "unknown"
    with pytest.raises(RunnerLost):
        await spool.commands(SESSION, CALL).run(sh("echo hello", tmp_path), timeout_seconds=LIMIT_SECONDS)

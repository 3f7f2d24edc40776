"""`duragent doctor` of the server: it answers, it hangs, it was killed."""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from duragent.cli.doctor.server import lock_holder
from duragent.stores.files.locks import WorkspaceLock
from tests.cli.doctor.machine import Machine


def test_lock_is_held_from_start_to_death_whatever_a_dead_server_left_in_it(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    assert lock_holder(path) is None
    lock = WorkspaceLock(path)
    lock.acquire("process 7 on here")
    assert lock_holder(path) == "process 7 on here"
    lock.release()
    assert lock_holder(path) is None
    path.write_text("process 7 on here\n")
    assert lock_holder(path) is None
    path.unlink()
    os.mkfifo(path)
    assert lock_holder(path) is None


def test_a_server_is_seen_while_it_answers_while_it_hangs_and_after_it_was_killed(machine: Machine) -> None:
    pid = machine.start()
    code, (answers, holds) = machine.doctor()
    assert (code, answers[0], holds[0]) == (0, "ok", "ok")
    assert answers[1].startswith(f"the server (process {pid}), started ")
    assert answers[1].endswith(" on /livez and /readyz")
    assert holds[1].startswith(f"the workspace is held by process {pid} on ")

    os.kill(pid, signal.SIGSTOP)
    code, ((status, text, hint),) = machine.doctor()
    os.kill(pid, signal.SIGCONT)
    assert (code, status) == (1, "problem")
    assert f"the server (process {pid}) runs, and does not answer at http://127.0.0.1:" in text
    assert f"`kill {pid}`" in hint

    machine.end()
    code, ((status, text, hint),) = machine.doctor()
    assert (code, status) == (0, "warning")
    assert text == f"the server (process {pid}) ended in the middle of its work; nothing that it wrote is lost"
    assert "`duragent serve`" in hint


def test_a_server_of_another_version_and_one_of_another_workspace_are_told(machine: Machine, folder: Path) -> None:
    machine.start()
    address: dict[str, Any] = json.loads((machine.workspace / "run/server.json").read_text())
    (Path(address["private_folder"]) / "server.json").write_text(json.dumps(address | {"version": "0.0.1"}))
    code, told = machine.doctor()
    assert (code, told[-1][0]) == (0, "warning")
    assert told[-1][1].startswith("the server is version 0.0.1, this program ")

    other = Machine(folder / "other")
    (other.workspace / "run").mkdir(parents=True)
    (other.workspace / "run/server.json").write_text(json.dumps(address))
    code, ((status, text, _),) = other.doctor()
    assert (code, status) == (0, "warning")
    assert text.startswith("another workspace's server answers at http://127.0.0.1:")
    (other.workspace / "run/server.json").write_text(json.dumps(address | {"host": "::"}))
    [(_, text, _)] = other.doctor()[1]
    assert text.startswith("another workspace's server answers at http://[::1]:")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process can be set on Linux only")
def test_a_server_whose_descriptors_are_nearly_used_up_is_a_problem(machine: Machine) -> None:
    pid = machine.start()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = len(os.listdir(f"/proc/{pid}/fd")) + 5
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
    code, told = machine.doctor()
    status, text, hint = told[-1]
    assert (code, status, hint) == (1, "problem", "`duragent serve status`")
    assert text.startswith("the server is not well: ")
    assert f" of {most} file descriptors are in use: " in text
    assert "`ulimit -n`" in text
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert {status for status, _, _ in machine.doctor()[1]} == {"ok"}

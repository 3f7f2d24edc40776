"""Servers that a failed test has left are ended, and no other process is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from duragent.clock import SystemClock
from duragent.journal.record import timestamp
from tests.support.bounds import LIMIT_SECONDS
from tests.support.left_servers import end_servers, stop_servers


@pytest.mark.parametrize(("started_at", "ended"), [("", True), ("2001-01-01T00:00:00.000Z", False)])
def test_only_the_process_that_wrote_its_address_is_ended(tmp_path: Path, started_at: str, ended: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        _announce(tmp_path, process.pid, started_at)
        (tmp_path / "server.json").write_text("{")
        end_servers(tmp_path)
        if not ended:
            process.communicate(b"\n", timeout=LIMIT_SECONDS)
        assert (process.wait(LIMIT_SECONDS) < 0) == ended


def test_a_server_that_is_stopped_has_time_to_end_by_itself(tmp_path: Path) -> None:
    ends = "trap 'touch ended; exit' TERM; echo; read forever"
    pipe = subprocess.PIPE
    with subprocess.Popen(["sh", "-c", ends], cwd=tmp_path, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        _announce(tmp_path, process.pid)
        stop_servers(tmp_path)
        assert (tmp_path / "ended").exists()


def _announce(folder: Path, pid: int, started_at: str = "") -> None:
    place = folder / "here" / ".duragent" / "run"
    place.mkdir(parents=True)
    address = {"pid": pid, "started_at": started_at or timestamp(SystemClock().now())}
    (place / "server.json").write_text(json.dumps(address))

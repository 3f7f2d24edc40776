"""Servers that a failed test has left are ended, and no other process is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from duragent.clock import SystemClock
from duragent.journal.record import timestamp
from tests.support.bounds import LIMIT_SECONDS
from tests.support.left_servers import end_servers


@pytest.mark.parametrize(("started_at", "ended"), [("", True), ("2001-01-01T00:00:00.000Z", False)])
def test_only_the_process_that_wrote_its_address_is_ended(tmp_path: Path, started_at: str, ended: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        place = tmp_path / "here" / ".duragent" / "run"
        place.mkdir(parents=True)
        address = {"pid": process.pid, "started_at": started_at or timestamp(SystemClock().now())}
        (place / "server.json").write_text(json.dumps(address))
        (tmp_path / "server.json").write_text("{")
        end_servers(tmp_path)
        if not ended:
            process.communicate(b"\n", timeout=LIMIT_SECONDS)
        assert (process.wait(LIMIT_SECONDS) < 0) == ended

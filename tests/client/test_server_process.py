"""Whether a process id still names the server."""

import os

import pytest

from duragent.client.server_process import is_gone
from duragent.clock import SystemClock
from duragent.journal.record import timestamp


def test_a_dead_child_that_nobody_asked_about_is_gone() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(pid)
    assert not is_gone(os.getpid())


def test_another_process_that_got_the_id_later_is_not_the_server() -> None:
    assert is_gone(os.getpid(), "2001-01-01T00:00:00.000Z")
    assert not is_gone(os.getpid(), timestamp(SystemClock().now()))


@pytest.mark.parametrize("pid", [0, -1, 10**30])
def test_what_cannot_be_a_process_id_is_gone(pid: int) -> None:
    assert is_gone(pid)

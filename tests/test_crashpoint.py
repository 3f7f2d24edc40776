"""Named places where a test makes the process die, stop or fail."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
from duragent.crashpoint import crashpoint
for number in range(3):
    crashpoint("here")
    crashpoint("there")
    print(number, flush=True)
"""


def run(plan: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "DURAGENT_CRASHPOINT": plan}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("plan", "printed"),
    [("", 3), ("nowhere", 3), ("here", 0), ("here:2", 1), ("there:3:kill", 2), ("here:4", 3)],
)
def test_process_is_killed_at_the_nth_time_and_never_without_a_plan(plan: str, printed: int) -> None:
    ran = run(plan)
    assert ran.stdout.split() == [str(number) for number in range(printed)]
    assert ran.returncode == (0 if printed == 3 else -signal.SIGKILL)


def test_failure_is_no_exception_that_could_be_swallowed() -> None:
    ran = run("here:1:raise")
    assert ran.returncode == 1
    assert ran.stderr.endswith("CrashPointReached: here\n")


def test_stopped_process_can_go_on() -> None:
    environ = {**os.environ, "DURAGENT_CRASHPOINT": "here:2:stop"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environ, stdout=subprocess.PIPE, text=True)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    os.kill(process.pid, signal.SIGCONT)
    assert process.communicate()[0].split() == ["0", "1", "2"]

"""The kernel's table of processes."""

import os
import signal
import subprocess

import pytest

from duragent.process import process_table


def test_dead_pid_with_another_start_time_is_somebody_else() -> None:
    mine = process_table.process(os.getpid())
    assert mine is not None
    assert (mine.pid, mine.parent, mine.group) == (os.getpid(), os.getppid(), os.getpgrp())
    assert not mine.dead
    assert process_table.process(2**22 + 1) is None


def line(pid: int, parent: int) -> process_table.Process:
    return process_table.Process(pid, parent, group=1, session=1, started=7, dead=False)


@pytest.mark.parametrize(
    ("tree", "root", "below"),
    [
        ({}, 1, set()),
        ({2: 1, 3: 2, 4: 3, 5: 9}, 1, {2, 3, 4}),
        ({2: 1, 3: 2, 4: 3, 5: 9}, 3, {4}),
        ({2: 1, 3: 1, 4: 2, 5: 3}, 1, {2, 3, 4, 5}),
        ({2: 3, 3: 2}, 2, {2, 3}),
    ],
)
def test_descendants_are_found_over_every_generation(tree: dict[int, int], root: int, below: set[int]) -> None:
    table = [line(pid, parent) for pid, parent in tree.items()]
    assert process_table.descendants(table, root) == below


def test_signal_to_a_process_that_is_gone_is_no_error() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    process_table.send(ended.pid, signal.SIGTERM)
    process_table.send(2**22 + 1, signal.SIGTERM)


def test_zombie_counts_as_dead_until_it_is_taken_out_of_the_table() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    found = process_table.process(child.pid)
    assert found is not None
    assert (found.dead, found.parent) == (True, os.getpid())
    assert child.pid in {each.pid for each in process_table.processes()}
    child.wait()
    assert process_table.process(child.pid) is None

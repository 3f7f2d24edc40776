"""The kernel's table of processes, as /proc shows it. Without /proc it is empty.

Imported by the runner, so this file imports only the standard library.
"""

import os
import signal
import time
from contextlib import suppress
from typing import NamedTuple

_NEXT_PIDS = 6
"""Pids are given out in order; other programs take some in between."""


class Process(NamedTuple):
    """One process."""

    pid: int
    """Its number. Numbers are used again; `pid` and `started` together are unique since boot."""
    parent: int
    """The pid of its parent."""
    group: int
    """Its process group."""
    session: int
    """Its session."""
    started: int
    """When it was started, in clock ticks since boot."""
    dead: bool
    """Whether it is a zombie: it has ended, and its parent has not yet collected it."""
    threads: int = 1
    """How many threads it has."""
    resident_pages: int = 0
    """Pages of memory that are in RAM; a page that several processes share counts for each."""
    cpu_ticks: int = 0
    """Clock ticks of CPU time, its own and those of children that it has waited for."""


def process(pid: int) -> Process | None:
    """None when there is no such process, or no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        parent, group, session = (int(each) for each in fields[1:4])
        cpu, threads = sum(int(each) for each in fields[11:15]), int(fields[17])
        started, pages = int(fields[19]), int(fields[21])
    except (OSError, ValueError, IndexError):
        return None
    return Process(pid, parent, group, session, started, fields[0] in b"ZX", threads, pages, cpu)


def processes() -> list[Process]:
    """Every process that is visible to us."""
    names = os.listdir("/proc") if os.path.isdir("/proc") else []
    return [found for name in names if name.isdigit() and (found := process(int(name)))]


def descendants(table: list[Process], root: int) -> set[int]:
    """The pids of all descendants of `root`, without `root` itself."""
    children: dict[int, list[int]] = {}
    for each in table:
        children.setdefault(each.parent, []).append(each.pid)
    below: set[int] = set()
    fresh = [root]
    while fresh:
        fresh = [pid for parent in fresh for pid in children.get(parent, ()) if pid not in below]
        below.update(fresh)
    return below


def has_children() -> bool:
    """Whether this process has any child. Collects those that have ended.

    Exact, unlike a look at the table: a process that forks and ends is gone before its line has been read.
    """
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
        return True
    return False


def chase(seconds: float) -> None:
    """Kill children that fork and end all the time: the next one has one of the pids after the last one's."""
    until = time.monotonic() + seconds
    with suppress(ChildProcessError):
        while time.monotonic() < until:
            ended, _ = os.waitpid(-1, os.WNOHANG)
            for pid in range(ended + 1, ended + _NEXT_PIDS) if ended else ():
                found = process(pid)
                if found is not None and found.parent in (os.getpid(), ended):
                    send(pid, signal.SIGKILL)


def send(pid: int, number: int) -> None:
    """Send a signal, if the process is there and ours; a negative pid is a group."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return

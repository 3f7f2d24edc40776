"""Whether a running command, with everything that it started, stays within its limits.

The kernel holds the limits of single processes (`set_limits_of_process`). What a whole tree of processes uses is
counted here, by looking: two cheap figures of the machine 20 times a second, and the table of processes when these
moved, or after a second. So a command can be over a limit for a moment: about a tenth of a second of forking or of
writing to memory. What is not counted: memory of the kernel itself, a memfd that is not mapped, and a System V segment
that no process has attached.

Imported by the runner, so this file imports only the standard library.
"""

import os
import re
import resource
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from duragent.process.process_table import Process, descendants, processes

GLANCE_SECONDS, LOOK_SECONDS = 0.05, 1.0
"""How often the machine's figures are read, and the table of processes at the least."""
_COST_SHARE = 10
"""Looking may take a tenth of the time: on a machine with many processes we look less often."""
_TRIGGER_SHARE = 8
"""Look at once when the machine's figures moved by an eighth of a limit."""
_OOM_SCORE = "500"
"""When the machine runs out of memory, the kernel ends a command before the server. The range is -1000 to 1000."""
_SHARES = re.compile(rb"^(Pss(?:_Anon|_Shmem)?): +(\d+) kB", re.MULTILINE)
_PAGE_BYTES, _TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


class ResourceLimits(NamedTuple):
    """What a command may use; None is no limit. As `sandboxes.base.CommandLimits`, which a runner does not import."""

    processes: int | None = None
    """Processes and threads at the same time."""
    memory_bytes: int | None = None
    """Memory of all processes together."""
    file_bytes: int | None = None
    """The size of one file that it writes."""
    open_files: int | None = None
    """Open files of one process."""
    cpu_seconds: int | None = None
    """CPU time of all processes together."""


class Glance(NamedTuple):
    """Two figures of the whole machine that cost little to read."""

    threads: int
    """All processes and threads."""
    available_bytes: int
    """Memory that can still be used."""


class ResourceWatch:
    """Counts what one command uses. `command` is its pid; all descendants of the calling process belong to it."""

    def __init__(self, limits: ResourceLimits, command: int) -> None:
        self._limits, self._command = limits, command
        self._counts = any(each is not None for each in (limits.processes, limits.memory_bytes, limits.cpu_seconds))
        # Most commands have ended before the first look.
        self._next_glance = self._next_look = time.monotonic() + GLANCE_SECONDS
        self._seen = glance() if self._counts else Glance(0, 0)
        self._own_devices: set[str] | None = None

    def next_seconds(self) -> float:
        """How long the caller may wait before it asks `exceeded` again; infinite when nothing is counted."""
        return max(self._next_glance - time.monotonic(), 0.0) if self._counts else float("inf")

    def exceeded(self) -> str:
        """The name of the limit, a field of `CommandLimits`, that the command is over now; "" when there is none."""
        now = time.monotonic()
        if not self._counts or now < self._next_glance:
            return ""
        self._next_glance = now + GLANCE_SECONDS
        seen = glance()
        if now < self._next_look and not self._has_moved(seen):
            return ""
        self._seen = seen
        found = self._look()
        cost = time.monotonic() - now
        self._next_look = now + max(LOOK_SECONDS, _COST_SHARE * cost)
        self._next_glance = now + max(GLANCE_SECONDS, _COST_SHARE * cost)
        return found

    def _has_moved(self, seen: Glance) -> bool:
        more, less = seen.threads - self._seen.threads, self._seen.available_bytes - seen.available_bytes
        processes, memory = self._limits.processes, self._limits.memory_bytes
        return (processes is not None and more > processes // _TRIGGER_SHARE) or (
            memory is not None and less > memory // _TRIGGER_SHARE
        )

    def _look(self) -> str:
        tree = tree_of(self._command)
        limits = self._limits
        if limits.processes is not None and sum(each.threads for each in tree) > limits.processes:
            return "processes"
        if limits.cpu_seconds is not None and _cpu_seconds(tree) > limits.cpu_seconds:
            return "cpu_seconds"
        if limits.memory_bytes is not None and self.memory_is_over(tree, limits.memory_bytes):
            return "memory_bytes"
        return ""

    def memory_is_over(self, tree: list[Process], most: int) -> bool:
        files = self._private_files(tree)
        if sum(each.resident_pages for each in tree) * _PAGE_BYTES + files <= most:
            return False
        # Forked workers share pages, and each counts them; pages of mapped files can be taken back at any time.
        return sum(map(memory_bytes, tree)) + files > most

    def _private_files(self, tree: list[Process]) -> int:
        """The bytes in file systems in memory that only the command has, such as its own /tmp."""
        if self._own_devices is None:
            self._own_devices = {device for device, _ in memory_mounts("self")}
        found: dict[str, int] = {}
        for pid in _one_of_each_namespace(tree):
            for device, path in memory_mounts(str(pid)):
                if device not in self._own_devices and device not in found:
                    found[device] = used_bytes(f"/proc/{pid}/root{path}", device)
        return sum(found.values())


def set_limits_of_process(limits: ResourceLimits) -> None:
    """What the kernel holds, for this process and all that it starts. A limit that is stricter already stays."""
    _set(resource.RLIMIT_FSIZE, limits.file_bytes)
    _set(resource.RLIMIT_NOFILE, limits.open_files)
    if limits.processes is not None and os.getuid():
        # The kernel counts all threads of the user, wherever they are, and does not count for root. This is only the
        # ceiling that a fork bomb hits before we have seen it.
        _set(resource.RLIMIT_NPROC, glance().threads + 2 * limits.processes)
    if limits.memory_bytes is not None:
        _write("/proc/self/oom_score_adj", _OOM_SCORE)


def put_first() -> None:
    """Let us run before what we watch, as far as we may: ending a bomb takes time that the bomb takes from us."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except (OSError, AttributeError):
        return  # Only root may; the others have the ceiling on processes.


def tree_of(command: int) -> list[Process]:
    """The processes that belong to it, with those that have ended and that their parents leave in the table."""
    table = processes()
    below = descendants(table, os.getpid())
    return [each for each in table if each.pid in below or each.session == command]


def glance() -> Glance:
    """Zeros where there is no /proc."""
    threads = available = 0
    try:
        with open("/proc/loadavg", "rb") as file:
            threads = int(file.read().split()[3].partition(b"/")[2])
        with open("/proc/meminfo", "rb") as file:
            available = int(file.read(512).partition(b"MemAvailable:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return Glance(threads, available)


def limits_from(spec: Mapping[str, int]) -> ResourceLimits:
    """Those that are named; a name of a later version is left out."""
    return ResourceLimits(**{name: spec[name] for name in ResourceLimits._fields if name in spec})


def _set(which: int, most: int | None) -> None:
    if most is None:
        return
    soft, hard = resource.getrlimit(which)
    hard = most if hard == resource.RLIM_INFINITY else min(most, hard)
    soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(which, (soft, hard))


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        return  # Another kernel, or a stricter place around us.


def _cpu_seconds(tree: list[Process]) -> float:
    """What they have used, and what those used that ended and were waited for, by them or by us."""
    ended = os.times()
    return sum(each.cpu_ticks for each in tree) / _TICKS + ended.children_user + ended.children_system


def memory_bytes(each: Process) -> int:
    """Its memory without mapped files, with its share of the pages that others use too (format: proc_pid_smaps(5)).

    Older kernels tell only one number, with mapped files in it; where the kernel may not say it, it is what the
    process has in RAM.
    """
    try:
        with open(f"/proc/{each.pid}/smaps_rollup", "rb") as file:
            text = file.read()
    except OSError:
        return each.resident_pages * _PAGE_BYTES
    found = {name: int(kibibytes) * 1024 for name, kibibytes in _SHARES.findall(text)}
    if b"Pss_Anon" in found:
        return found[b"Pss_Anon"] + found.get(b"Pss_Shmem", 0)
    return found.get(b"Pss", each.resident_pages * _PAGE_BYTES)


def _one_of_each_namespace(tree: Iterable[Process]) -> list[int]:
    """A pid for each set of mounts that is not our own."""
    found: dict[str, int] = {}
    for each in tree:
        with suppress(OSError):
            found.setdefault(os.readlink(f"/proc/{each.pid}/ns/mnt"), each.pid)
    with suppress(OSError):
        found.pop(os.readlink("/proc/self/ns/mnt"), None)
    return list(found.values())


def memory_mounts(pid: str) -> list[tuple[str, str]]:
    """Device and path of each file system in memory that the process can write to (format: proc(5), mountinfo)."""
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.split() for line in file]
    except OSError:
        return []
    return [
        (fields[2], _unescaped(fields[4]))
        for fields in lines
        if fields[fields.index("-") + 1] in ("tmpfs", "ramfs") and (pid == "self" or "rw" in fields[5].split(","))
    ]


def _unescaped(path: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, character)
    return path


def used_bytes(path: str, device: str) -> int:
    """0 when another file system is there, as in a sandbox that is just being built."""
    try:
        folder = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        # Of one descriptor: a path may lead to another file system from one call to the next.
        number, found = os.fstat(folder).st_dev, os.fstatvfs(folder)
    except OSError:
        return 0
    finally:
        os.close(folder)
    if device != f"{os.major(number)}:{os.minor(number)}":
        return 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize

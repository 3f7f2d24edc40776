"""What the kernel says about a process."""

import os
from pathlib import Path


def rss_mib(pid: int) -> float:
    """Memory in use now."""
    return _kib(pid, "VmRSS") / 1024


def threads(pid: int) -> int:
    return _kib(pid, "Threads")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise AssertionError(f"no {name} in /proc/{pid}/status")

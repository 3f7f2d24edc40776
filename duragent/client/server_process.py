"""Whether the process that a server's address names is that server."""

import os
from datetime import UTC, datetime
from pathlib import Path

CLOCK_SLACK_SECONDS = 5.0
"""How much two ways of telling when a process began may differ."""


def is_gone(pid: int, started_at: str = "") -> bool:
    """True when the process that had that id at `started_at` is no more.

    Also when its parent has not asked about it yet, and when another process got the id later, after a restart of
    the machine or of a container.
    """
    if pid <= 0:
        return True
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
    except (OSError, OverflowError):
        pass
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return _is_zombie_or_later(pid, started_at)


def owner(pid: int) -> int | None:
    """The user whose process it is; None where /proc does not tell."""
    try:
        # proc(5): the real, effective, saved and file system user.
        uids = Path(f"/proc/{pid}/status").read_bytes().partition(b"\nUid:")[2].split(b"\n")[0].split()
        return int(uids[0])
    except (OSError, ValueError, IndexError):
        return None


def _is_zombie_or_later(pid: int, started_at: str) -> bool:
    """False where there is no /proc to tell it."""
    try:
        # proc(5): behind the command's closing parenthesis the state is first, and the start, in ticks, the 20th.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        if fields[0] == b"Z":
            return True
        announced = datetime.fromisoformat(started_at)
        boot = Path("/proc/stat").read_bytes().partition(b"\nbtime ")[2].split()[0]
        began = int(boot) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return False
    return began > announced.replace(tzinfo=announced.tzinfo or UTC).timestamp() + CLOCK_SLACK_SECONDS

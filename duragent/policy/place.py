"""Where an agent's commands run, as far as the policy must know it, and which files no command may name.

The law of this file: a private file is private everywhere and in every mode. Whether other files outside the project
are asked about depends on whether a sandbox keeps the command away from them.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class CommandPlace:
    """Where commands run. All paths are absolute, with symbolic links resolved.

    `confined`: a sandbox keeps commands away from what is private. `chosen`: a person chose to run without one; where
    neither is true, no sandbox works here, and what lies outside `roots` is asked about. `closed` are files and
    folders that no command may name; `home` is what `~` stands for.
    """

    folder: str
    roots: tuple[str, ...]
    closed: tuple[str, ...] = ()
    home: str = "/"
    confined: bool = False
    chosen: bool = True


PROCESS = "/proc/self"
"""Stands for the folder of every process and thread below /proc."""

PROCESS_FILES = frozenset(
    """attr autogroup cgroup cmdline comm cpuset gid_map io limits loadavg loginuid mountinfo mounts mountstats net
    numa_maps oom_adj oom_score oom_score_adj personality projid_map sched schedstat sessionid setgroups stat statm
    status timens_offsets timerslack_ns uid_map wchan""".split()
)
"""What may be read of a process. The rest is private: its environment, its memory, its open files and its folders."""

PRIVATE_PROCESS_FILES = frozenset(
    "auxv clear_refs cwd environ exe fd fdinfo map_files maps mem ns pagemap root smaps stack syscall task".split()
)
PRIVATE_WORKSPACE_FILES = frozenset({"run", "sessions", ".lock"})
"""In the `.duragent` of any project: tokens, results of commands, and what was said."""

_STATE_FOLDERS = re.compile(r"(?:(?:/run/user/\d+|/\.local/state)/duragent|/dev/shm/duragent-\d+)$", re.IGNORECASE)
_OF_PROCESS = re.compile(r"/proc/(?:\d+|self|thread-self)(?:/task/\d+)?/([^/]+)")


def is_private(path: str) -> bool:
    """Whether an absolute path without symbolic links is private, or lies in a folder that is."""
    if found := _OF_PROCESS.match(path):
        return found[1] not in PROCESS_FILES
    ends = (at for at, char in enumerate(f"{path}/") if char == "/")
    return any(is_private_name(path[:end]) for end in ends)


def is_private_name(path: str) -> bool:
    """Whether the absolute path is private by its name, in whichever workspace it lies. `/proc` is not looked at."""
    folder, _, name = path.lower().rpartition("/")
    if folder.endswith("/.duragent") and name in PRIVATE_WORKSPACE_FILES:
        return True
    return _STATE_FOLDERS.search(path) is not None

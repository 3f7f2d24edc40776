"""Where an agent's commands run, as far as the policy must know it, and which files no command may name.

The law of this file: a private file is private everywhere and in every mode. Whether other files outside the project
are asked about depends on whether a sandbox keeps the command away from them.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class CommandPlace:
    """Where commands run. All paths are absolute, with symbolic links resolved."""

    folder: str
    """The working directory of the commands."""
    roots: tuple[str, ...]
    """Folders that belong to the project. Where no sandbox works, a person is asked about files outside of them."""
    closed: tuple[str, ...] = ()
    """Files and folders that no command may name."""
    home: str = "/"
    """What `~` stands for."""
    confined: bool = False
    """Whether a sandbox keeps commands away from what is private."""
    chosen: bool = True
    """Whether a person chose to run without a sandbox. False with `confined` False: no sandbox works here."""


PROCESS = "/proc/self"
"""Represents the folder of every process and thread below /proc."""

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
"""In the `.duragent` of any project: tokens, results of commands, and conversations."""

_PRIVATE_NAMES = "|".join(
    (
        rf"/\.duragent/(?:{'|'.join(re.escape(name) for name in sorted(PRIVATE_WORKSPACE_FILES))})",
        r"/run/user/\d+/duragent",
        r"/\.local/state/duragent",
        r"/dev/shm/duragent-\d+",
    )
)
_ENDS_PRIVATE = re.compile(rf"(?:{_PRIVATE_NAMES})\Z", re.IGNORECASE)
_PRIVATE = re.compile(rf"(?:{_PRIVATE_NAMES})(?:/|\Z)", re.IGNORECASE)
_OF_PROCESS = re.compile(r"/proc/(?:\d+|self|thread-self)(?:/task/\d+)?/([^/]+)")


def is_private(path: str) -> bool:
    """Whether an absolute path without symbolic links is private, or lies in a folder that is."""
    if of_process := _OF_PROCESS.match(path):
        return of_process[1] not in PROCESS_FILES
    return _PRIVATE.search(path) is not None


def is_private_name(path: str) -> bool:
    """Whether the last part of the absolute path has a private name, in any workspace. Ignores `/proc`."""
    return _ENDS_PRIVATE.search(path) is not None

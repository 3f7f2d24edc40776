"""The contract of a sandbox: a pure rewriting of a command into one that runs it confined.

Promises of every sandbox on this shelf (`duragent.testing.check_sandbox` tries them):
- `wrap` starts nothing and changes no file; what it returns is run by the runner (`process/`) as any command is, within
  the limits that it carries. `wrap` passes these on, unless the sandbox holds them itself.
- What the wrapped command prints, reads from its input and exits with is what the command alone would; of one that a
  signal killed the exit code may be 128 + the signal's number.
- Ending the wrapped command's process group ends everything that it started.
- `problem` tells, by really trying it once, why it does not work on this machine; None when it does.
- A sandbox never promises more than it keeps: `describe` says what holds, in the words that an approval shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """How much a command, with all that it starts, may use; None is no limit.

    The runner of commands holds them (`process/`), a sandbox that runs them elsewhere holds them itself.
    """

    processes: int | None = None
    """Processes and threads at the same time."""
    memory_bytes: int | None = None
    """Memory of all processes together, and the files in their private temporary folders."""
    file_bytes: int | None = None
    """The size of one file that it writes."""
    open_files: int | None = None
    """Open files of one process."""
    cpu_seconds: int | None = None
    """CPU time of all processes together."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run. Nothing goes through a shell."""

    argv: tuple[str, ...]
    """The program and its arguments."""
    folder: Path
    """The working directory."""
    env: Mapping[str, str] = field(default_factory=dict)
    """The whole environment."""
    stdin: bytes = b""
    """What it reads from its standard input."""
    limits: CommandLimits = CommandLimits()
    """How much it may use."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a command may touch."""

    writable: tuple[Path, ...]
    """Folders that it may write below; the first is the working directory."""
    read_only: tuple[Path, ...] = ()
    """Files and folders inside of `writable` that stay read-only."""
    hidden: tuple[Path, ...] = ()
    """Files and folders that it must not even read, such as the server's token. Missing ones are ignored."""
    network: bool = False
    """Whether it may use the network."""
    readable: tuple[Path, ...] = ()
    """What it may read even where a sandbox hides a home folder."""
    temporary: Path | None = None
    """What it sees as /tmp, where a sandbox gives it one of its own; None: an empty one for this command alone."""


class Sandbox(Protocol):
    """See the module docstring for the promises."""

    @property
    def name(self) -> str: ...

    def wrap(self, command: Command, within: Confinement) -> Command:
        """The command that runs `command` confined."""
        ...

    def describe(self, within: Confinement) -> str:
        """For people, one line: `bubblewrap, /home/me/project, network off`."""
        ...

    def problem(self) -> str | None:
        """Why it does not work here, as a sentence with what to do about it; None when it does. May take a second."""
        ...

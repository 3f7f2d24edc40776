"""What it means to run a command that outlives the server.

A command belongs to a call. Its runner is a process of its own, in its own session and process group, that writes the
output to files and the end to `exit.json`. A second request for the same call, also after a crash, gets the running
command or its result, and never starts it again.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from duragent.sandboxes.base import Command

Ending = Literal["exited", "timeout", "cancelled"]
CallEvidence = Literal["never_started", "running", "finished", "unknown"]


@dataclass(frozen=True, slots=True)
class Output:
    """What a command wrote to one of its streams. Only the beginning and the end of a long one are kept."""

    head: bytes = b""
    """The beginning."""
    tail: bytes = b""
    """The end, without what `head` has; empty when `head` has all of it."""
    size_bytes: int = 0
    """How much it wrote altogether."""

    @property
    def omitted_bytes(self) -> int:
        return self.size_bytes - len(self.head) - len(self.tail)


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The limit that a command went over."""

    name: str
    """A field of `sandboxes.base.CommandLimits`."""
    value: int
    """What the limit was, in the unit of that field."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    ending: Ending
    """`exited` by itself, or ended from outside."""
    exit_code: int | None
    """None when it never ran or was killed by `signal`."""
    stdout: Output
    """What it wrote to its standard output."""
    stderr: Output
    """What it wrote to its standard error."""
    seconds: float = 0.0
    """Wall time from its start to its end."""
    signal: int | None = None
    """The signal that killed it; None when none did."""
    error: str = ""
    """Why it could not be started (`bash: no such file`), that its output could not be stored (the ending is then
    `cancelled`), or that it could not be ended; "" when nothing failed."""
    limit: LimitReached | None = None
    """The limit that it went over; None when it stayed within all. Mostly the ending is then `cancelled`, and the
    command had no time to clean up."""


class Commands(Protocol):
    """Run the commands of one call.

    Cancelling the task that waits in `run` leaves the command running for the next caller; `end` stops it.
    """

    async def run(self, command: Command, *, timeout_seconds: float) -> Finished:
        """Start the call's command, or attach to it when it was started before; returns when it has ended.

        At most one command for a call: the second call of `run` is given the first one's end. Output is shown to
        watchers while it comes. A non-zero exit is no error here. Raises RunnerLost when it was started and how it
        ended cannot be known, Unavailable when it could not be started because the disk fails.
        """
        ...

    async def end(self) -> None:
        """Stop it with everything that it started: SIGTERM, and SIGKILL a moment later. Returns when it is gone."""
        ...

"""What it means to run a command that outlives the server.

A command belongs to a call. Its runner is a process of its own, in its own session and process group, that writes the
output to files and the end to `exit.json`. So whoever asks for the same call again, after a crash too, is given the
command that is running or its result, and never starts it a second time.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from duragent.sandboxes.base import Command

Ending = Literal["exited", "timeout", "cancelled"]
CallEvidence = Literal["never_started", "running", "finished", "unknown"]


@dataclass(frozen=True, slots=True)
class Output:
    """What a command wrote to one of its streams. Of a long one only `head` and `tail` are kept, with `omitted_bytes`
    between them; `size_bytes` is what it wrote altogether."""

    head: bytes = b""
    tail: bytes = b""
    size_bytes: int = 0

    @property
    def omitted_bytes(self) -> int:
        return self.size_bytes - len(self.head) - len(self.tail)


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The limit that a command went over: a field of `sandboxes.base.CommandLimits`, and its value."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended, after `seconds` of wall time.

    `exit_code` is None when it never ran or was killed by `signal`. `error` says why it could not be started (`bash: no
    such file`), that its output could not be stored (the ending is `cancelled` then) or that it could not be ended.
    `limit` is set when it went over one: mostly the ending is `cancelled` then, and it had no time to clean up.
    """

    ending: Ending
    exit_code: int | None
    stdout: Output
    stderr: Output
    seconds: float = 0.0
    signal: int | None = None
    error: str = ""
    limit: LimitReached | None = None


class Commands(Protocol):
    """Run the commands of one call.

    Cancelling the task that waits in `run` leaves the command running, for whoever asks next; `end` is what stops it.
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

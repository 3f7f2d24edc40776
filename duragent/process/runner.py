"""The program that runs one command outside of the server: `python -I -S -B runner.py FOLDER`.

It imports little, and of duragent only its three neighbours, so that it starts in a few milliseconds. It needs no
server: it holds the deadline and the limits, ends what the command started, and leaves how it ended in `exit.json`.
What the folder holds is described in `duragent/process/folder.py`. SIGTERM to this program cancels the command.

The law of this file: the command is executed only after `runner.json` was created, which can happen once.
"""

import json
import os
import resource
import select
import signal
import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

if __name__ == "__main__":
    # We are started as a file and without the installed packages. At the end, so that the standard library comes first.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from duragent.process.kept_output import Kept, sync
from duragent.process.process_table import (
    Process,
    chase,
    has_children,
    process,
    send,
)
from duragent.process.resource_watch import (
    ResourceLimits,
    ResourceWatch,
    limits_from,
    put_first,
    set_limits_of_process,
    tree_of,
)

SPEC, CLAIM, EXIT, STDIN = "spec.json", "runner.json", "exit.json", "stdin"
TERM_SECONDS, LEFT_SECONDS = 2.0, 0.5
"""From SIGTERM to SIGKILL: of a command, and of what a command that ended by itself left running."""
KILL_SECONDS, PIPE_SECONDS = 5.0, 0.5
"""How long we try to kill (a process that hangs in the kernel survives it), and how long we then read from a pipe that
another process holds."""
CHASE_SECONDS = 0.05
"""How long one hunt lasts for a process that forks and ends all the time."""
_CHUNK, _SUBREAPER = 1 << 16, 36
_CANCELS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Child(NamedTuple):
    """The forked command; all but `pid` are descriptors of pipes."""

    pid: int
    """Its process, which is also its process group and session."""
    go: int
    """It waits for a byte here before it executes."""
    failed: int
    """Where it says why it could not be started."""
    stdout: int
    """Its standard output."""
    stderr: int
    """Its standard error."""


class Run:
    """One command, from its start to the end of everything that it started."""

    def __init__(self, child: Child, kept: dict[int, Kept], wake: int, limits: ResourceLimits) -> None:
        self.ending, self.error, self.stored, self.limit = "exited", "", True, ""
        self.limits, self._watch = limits, ResourceWatch(limits, child.pid)
        self.status: tuple[int | None, int | None] = (None, None)
        self._child, self._kept, self._exited, self._reaped = child, kept, False, False
        self._poll = select.poll()
        self._open = {child.failed, *kept}
        for fd in (wake, *self._open):
            self._poll.register(fd, select.POLLIN)

    def to_the_end(self, deadline: float) -> float:
        """Run until nothing of the command is left. Returns the monotonic time at which the command itself ended."""
        while not self._has_exited() and not self._must_stop(deadline):
            self._drain(min(deadline, time.monotonic() + self._watch.next_seconds()))
        stopped = time.monotonic()
        self._end_all(stopped + (LEFT_SECONDS if self._exited else 0 if self.limit else TERM_SECONDS))
        ended = stopped if self.ending == "exited" else time.monotonic()
        until = time.monotonic() + PIPE_SECONDS
        while self._open and time.monotonic() < until:
            self._drain(until)
        return ended

    def _must_stop(self, deadline: float) -> bool:
        if cancelled or not self.stored:
            self.ending = "cancelled"
        elif time.monotonic() >= deadline:
            self.ending = "timeout"
        elif self._is_over_a_limit():
            # An older server, which does not know `limit`, then says that it was cancelled.
            self.ending = "cancelled"
        return self.ending != "exited"

    def _is_over_a_limit(self) -> bool:
        if not self.limit and (limit := self._watch.exceeded()):
            self.limit = limit
            put_first()
        return bool(self.limit)

    def _end_all(self, kill_at: float) -> None:
        if not self._anything_left():
            return
        if not self.limit:
            self._signal_all(signal.SIGTERM)
            self._signal_all(signal.SIGCONT)
        pause = 0.001
        while self._anything_left():
            now = time.monotonic()
            if self._is_over_a_limit():
                # No time to clean up: what uses too much uses more of it, and new processes must not outrun us.
                kill_at, pause = min(kill_at, now), 0.001
            if now > kill_at + KILL_SECONDS:
                self.error = self.error or "it could not be ended: a process of it hangs in the kernel"
                return
            if now >= kill_at:
                self._signal_all(signal.SIGKILL)
                if self._reaped:
                    chase(CHASE_SECONDS)
            pause = min(pause * 1.5, 0.1)
            self._drain(now + pause)

    def _has_exited(self) -> bool:
        """Whether the command itself has ended. It stays a zombie, so that its group's number cannot be reused."""
        if self._exited or not hasattr(os, "waitid"):
            self._exited = self._exited or self._has_been_reaped()
            return self._exited
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid == self._child.pid:
                by_exit = found.si_code == os.CLD_EXITED
                self.status = (found.si_status, None) if by_exit else (None, found.si_status)
                self._exited = True
                return True
            os.waitpid(found.si_pid, os.WNOHANG)
        return False

    def _has_been_reaped(self) -> bool:
        pid, status = os.waitpid(self._child.pid, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            self.status = (code, None) if code >= 0 else (None, -code)
        return pid != 0

    def _anything_left(self) -> bool:
        if not self._has_exited() or (not _only_child(self._child.pid) and bool(self._others())):
            return True
        # The table shows no process. The kernel knows for certain, once the command itself has been collected.
        if not self._reaped:
            self._reaped = True
            with suppress(ChildProcessError):
                os.waitpid(self._child.pid, 0)
        return has_children()

    def _others(self) -> list[Process]:
        return [each for each in tree_of(self._child.pid) if not each.dead and each.pid != self._child.pid]

    def _signal_all(self, number: int) -> None:
        """To the group at once, which no fork can escape, and to each process that left the group."""
        if not self._reaped:
            send(-self._child.pid, number)
        for each in self._others():
            if each.group != self._child.pid:
                send(each.pid, number)

    def _drain(self, until: float) -> None:
        """Keep what comes until then; returns at the first that came, or at a signal."""
        for fd, _ in self._poll.poll(min(max(until - time.monotonic(), 0.0), 3600.0) * 1000 + 1):
            chunk = os.read(fd, _CHUNK)
            if not chunk:
                self._poll.unregister(fd)
                self._open.discard(fd)
            elif fd == self._child.failed:
                self.error = chunk.decode(errors="replace")
            elif fd in self._kept:
                self._keep(self._kept[fd], chunk)

    def _keep(self, kept: Kept, chunk: bytes) -> None:
        try:
            if self.stored:
                kept.write(chunk)
        except OSError as error:
            self.stored = False
            self.error = f"it was ended because its output could not be stored: {error.strerror}"


cancelled: list[int] = []
"""The signals that asked for the end."""


def main(folder: str) -> int:
    os.chdir(folder := os.path.abspath(folder))
    with open(SPEC, "rb") as file:
        spec = json.loads(file.read())
    _adopt_orphans()
    wake = _wake_on_signals()
    child = _fork(spec)
    try:
        if not (claim(_identity(child)) and _is_named(folder)):
            return 0
        started = time.monotonic()
        os.write(child.go, b"!")
        os.close(child.go)
        sizes = (spec["head_bytes"], spec["piece_bytes"], spec["pieces"])
        kept = {child.stdout: Kept("stdout", *sizes), child.stderr: Kept("stderr", *sizes)}
        run = Run(child, kept, wake, limits_from(spec.get("limits", {})))
        _tell_end(run, run.to_the_end(started + spec["timeout_seconds"]) - started, *kept.values())
    except BaseException:  # No other process can end the command now.
        send(-child.pid, signal.SIGKILL)
        raise
    return 0


def claim(identity: dict[str, object], folder: str = ".") -> bool:
    """Create `runner.json`: True for the only one who ever does."""
    path = f"{folder}/{CLAIM}"
    try:
        file = open(path, "xb")  # noqa: SIM115 - whether it is the first is not whether it can be written
    except FileExistsError:
        return False
    try:
        with file:
            file.write(json.dumps(identity).encode())
    except OSError:
        os.unlink(path)
        raise
    return True


def _is_named(folder: str) -> bool:
    """Whether we are still in it: where it is being removed a claim says nothing, for the first one may be gone."""
    try:
        return os.path.samestat(os.stat(folder), os.stat("."))
    except OSError:
        return False


def tell_exit(folder: str, how: dict[str, object]) -> None:
    """Make `exit.json` durable."""
    new = f"{folder}/.{EXIT}.{os.getpid()}"
    with open(new, "wb") as file:
        file.write(json.dumps(how).encode())
        file.flush()
        os.fsync(file.fileno())
    os.rename(new, f"{folder}/{EXIT}")
    sync(folder)


def boot_id() -> str:
    """An id of this start of the machine; "" where the system has none."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def _adopt_orphans() -> None:
    """What the command's children leave behind becomes ours, also when it went into a session of its own."""
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return  # Without it, a process that left the command's session survives.


def _wake_on_signals() -> int:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in _CANCELS:
        signal.signal(number, lambda number, _: cancelled.append(number))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # Our starter may have blocked some; a mask is inherited, as ignored signals are.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return read


def _fork(spec: dict[str, Any]) -> Child:
    go, failed, stdout, stderr = os.pipe(), os.pipe(), os.pipe(), os.pipe()
    stdin = os.open(STDIN if os.path.exists(STDIN) else os.devnull, os.O_RDONLY)
    pid = os.fork()
    if pid == 0:
        _become(spec, (stdin, stdout[1], stderr[1]), go, failed[1])
    for fd in (stdin, go[0], failed[1], stdout[1], stderr[1]):
        os.close(fd)
    return Child(pid, go[1], failed[0], stdout[0], stderr[0])


def _become(spec: dict[str, Any], streams: tuple[int, int, int], go: tuple[int, int], failed: int) -> NoReturn:
    """The forked process: wait until the claim stands, then be the command."""
    what = "the runner"
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(each, signal.SIG_DFL)
        if most := spec.get("descriptors"):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        os.close(go[1])
        if not os.read(go[0], 1):
            os._exit(127)
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
        what = "its limits"
        set_limits_of_process(limits_from(spec.get("limits", {})))
        what = f"the folder {spec['folder']}"
        os.chdir(spec["folder"])
        what, argv = "the command", spec["argv"]
        if not argv:
            raise ValueError("it is empty")
        what = argv[0]
        os.execvpe(argv[0], argv, spec["env"])
    except BaseException as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        os.write(failed, f"{what}: {why}".encode(errors="replace")[:4000])
    os._exit(127)


def _identity(child: Child) -> dict[str, object]:
    """Who runs this: enough to know later whether a process with these numbers still is the same one."""
    mine, its = process(os.getpid()), process(child.pid)
    pipes = [os.readlink(f"/proc/self/fd/{fd}") for fd in (child.stdout, child.stderr)] if mine else []
    return {
        "boot": boot_id(),
        "pid": os.getpid(),
        "started": mine and mine.started,
        "child": child.pid,
        "child_started": its and its.started,
        "pipes": pipes,
    }


def _only_child(pid: int) -> bool:
    """Whether we have no other child, by a quick look; False when that is not known."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return file.read().split() == [str(pid)]
    except OSError:
        return False


def _tell_end(run: Run, seconds: float, *kept: Kept) -> None:
    never_ran = run.error and run.ending == "exited" and run.status == (127, None)
    exit_code, by_signal = (None, None) if never_ran else run.status
    if run.stored:
        for each in kept:
            each.sync()
    limit = run.limit or ("file_bytes" if _file_was_too_large(run) else "")
    sizes: dict[str, object] = {"stdout_bytes": kept[0].size, "stderr_bytes": kept[1].size, "stored": run.stored}
    how = {"ending": run.ending, "exit_code": exit_code, "signal": by_signal, "seconds": round(seconds, 3)}
    reached = {"limit": limit, "limit_value": getattr(run.limits, limit) if limit else 0}
    tell_exit(".", how | sizes | reached | {"error": run.error})


def _file_was_too_large(run: Run) -> bool:
    """Whether the kernel ended it for that; a shell and a sandbox say it by an exit code."""
    return run.limits.file_bytes is not None and run.status in (
        (None, signal.SIGXFSZ),
        (128 + signal.SIGXFSZ, None),
    )


if __name__ == "__main__":
    code = main(sys.argv[1])
    # Nothing is left to tidy up, and the interpreter's own tidying takes longer than all that we do.
    os._exit(code)

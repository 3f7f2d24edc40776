"""`duragent serve`, the real one, in a process that ends, stops or freezes itself where a test wants it to.

Three numbers are smaller than they are for people, so that what takes hours there takes a second here: a log is sealed
after few records, and the list of sessions is saved often.
"""

import errno
import functools
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from duragent import crashpoint
from duragent import runtime as runtime  # imported before the fork
from duragent.cli.main import main
from duragent.session import housekeeping
from duragent.stores.files import store
from duragent.stores.files.disk import Disk
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore

SEALED_AFTER_RECORDS = 16
INDEX_SECONDS = 0.4
FAILS_AT = 3
"""Which write (or sync) of a log in a life fails, where one is to fail."""

Action = Literal["kill", "term", "freeze"]
Fails = Literal["", "write", "sync"]
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "freeze": signal.SIGSTOP}


@dataclass(frozen=True)
class Plan:
    """What a life is armed with: (point, nth, action), of which the first that is reached counts; it is noted in the
    file `note`. `fails` names the operation on a log that fails once."""

    hits: tuple[tuple[str, int, Action], ...]
    note: str
    fails: Fails = ""


class Armed:
    """Counts the points that are passed, and acts at the first that is in the plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._passed, self._lock = plan, Counter[str](), threading.Lock()
        self._acted = False

    def passed(self, name: str) -> None:
        with self._lock:
            self._passed[name] += 1
            found = [hit for hit in self._plan.hits if (hit[0], hit[1]) == (name, self._passed[name])]
            if not found or self._acted:
                return
            self._acted = True
            with open(self._plan.note, "a") as file:
                file.write(f"{found[0][0]} {found[0][1]} {found[0][2]}\n")
        os.kill(os.getpid(), _SIGNALS[found[0][2]])


class FailingDisk(Disk):
    """The disk of all stores in this process: one write to a log fails, or one sync behind such a write."""

    fails, calls = "", 0
    written: ClassVar[set[int]] = set()

    def write(self, fd: int, data: bytes, offset: int) -> None:
        if self._is_to_fail("write", fd):
            super().write(fd, data[: len(data) // 2], offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(fd, data, offset)
        if _is_log(fd):
            self.written.add(fd)

    def sync(self, fd: int) -> None:
        if fd in self.written and self._is_to_fail("sync", fd):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(fd)
        self.written.discard(fd)

    def _is_to_fail(self, operation: str, fd: int) -> bool:
        if operation != self.fails or not _is_log(fd):
            return False
        FailingDisk.calls += 1
        return FailingDisk.calls == FAILS_AT


def _failing_store(folder: Path, **rest: Any) -> FileStore:
    return FileStore(folder, **{**rest, "disk": FailingDisk()})


def _is_log(fd: int) -> bool:
    return os.readlink(f"/proc/self/fd/{fd}").endswith("/events.jsonl")


def arm(plan: Plan) -> None:
    crashpoint.arm(Armed(plan).passed)
    if plan.fails:
        FailingDisk.fails = plan.fails
        vars(runtime)["FileStore"] = _failing_store
    vars(store)["Rotation"] = functools.partial(Rotation, events=SEALED_AFTER_RECORDS)
    housekeeping.INDEX_SECONDS = INDEX_SECONDS


def live(plan: Plan, config: Path, log: Path) -> None:
    """The whole life of a server, in a process that was just forked."""
    for fd, path, flags in ((0, Path(os.devnull), os.O_RDONLY), (1, log, _APPEND), (2, log, _APPEND)):
        os.dup2(os.open(path, flags, 0o600), fd)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"):
        os.environ.pop(name, None)
    arm(plan)
    sys.argv = ["duragent", "serve", "--config", str(config), "--port", "0"]
    main()


class Server:
    """A process that lives as `live` says. It is forked from one that has imported everything: that is most of what a
    start costs."""

    def __init__(self, plan: Plan, config: Path, log: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._process = context.Process(target=live, args=(plan, config, log))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, or the negative number of the signal that ended it; None while it lives."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int | None:
        self._process.join(seconds)
        return self._process.exitcode

    def send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def is_frozen(self) -> bool:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        except (FileNotFoundError, ProcessLookupError):
            return False

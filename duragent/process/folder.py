"""The files of one call's command, and what they say about it.

    <session>.<call>/        renamed into place as a whole, durable before a runner is spawned: no folder, never started
        spec.json, stdin     what to run
        runner.json          who runs it; created once, by the runner before it lets the command execute
        stdout.0, .1, …      what it printed: the first 4 MiB, then pieces of 1 MiB, of which the newest stay
        stderr.0, .1, …
        exit.json            how it ended, durable
        runner.log           what the runner itself complained about

All of it blocks for a moment; callers use threads.
"""

import codecs
import contextlib
import errno
import json
import os
import shutil
import signal
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duragent.crashpoint import crashpoint
from duragent.process import process_table, runner
from duragent.process.base import Ending, Finished, LimitReached, Output
from duragent.sandboxes.base import Command
from duragent.system.descriptors import limit_of_commands
from duragent.system.safe_read import open_file, read_file

HEAD_BYTES = 4 << 20
PIECE_BYTES = 1 << 20
PIECES = 4
TAIL_BYTES = PIECES * PIECE_BYTES
LIVE_BYTES = 1 << 14
"""The most that one read of a stream returns."""
LIVE_BEHIND_BYTES = 1 << 16
"""A reader that is further behind than this skips to the newest `LIVE_BYTES`."""
READ_MAX_BYTES = 256 << 20
"""Of one file: none that a runner writes is so long, and what a command is given on stdin neither."""
_KILL_SECONDS = 5.0

Form = TypeVar("Form", bound=BaseModel)
Stage = Literal["absent", "made", "claimed", "voided", "running", "ended", "lost"]


PID_MAX = (1 << 31) - 1
FIRST_PID = 2
"""A signal to 1, 0 or less goes to init, to our own group, or to every process: no runner has such a number."""


class RunnerClaim(BaseModel):
    """`runner.json`."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    boot: str
    """Which start of the machine it was written in (`runner.boot_id`); "" where that is not known."""
    void: bool = False
    """The command must not be started any more; the other fields are then empty."""
    pid: int = Field(0, ge=0, le=PID_MAX)
    """The runner's process; 0 when there is none."""
    started: int | None = Field(None, ge=0)
    """When the runner was started, in clock ticks since boot; None without /proc."""
    child: int = Field(0, ge=0, le=PID_MAX)
    """The command's process, which is also its process group and session; 0 when there is none."""
    child_started: int | None = Field(None, ge=0)
    """As `started`, for the command."""
    pipes: tuple[str, ...] = ()
    """The kernel's names (`pipe:[123]`) of the pipes that take its output; empty without /proc."""


class Exit(BaseModel):
    """`exit.json`. See `base.Finished` for the fields of the same name."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    ending: Ending
    """How the command ended."""
    exit_code: int | None = None
    """None when it never ran or was killed by a signal."""
    signal: int | None = None
    """The signal that killed it."""
    seconds: float = 0.0
    """Wall time from its start to its end."""
    stdout_bytes: int = 0
    """How much it wrote to its standard output, kept or not."""
    stderr_bytes: int = 0
    """How much it wrote to its standard error, kept or not."""
    stored: bool = True
    """False when the disk refused some of the output."""
    error: str = ""
    """What failed; "" when nothing did."""
    limit: str = ""
    """The field of `sandboxes.base.CommandLimits` that the command went over; "" when there is none."""
    limit_value: int = 0
    """The value of that limit; 0 when there is none."""


@dataclass(frozen=True, slots=True)
class CommandEvidence:
    """How far a command has come, as its files show it."""

    stage: Stage
    """`absent`: there is no folder. `made`: no runner has claimed it. `claimed`: a runner is writing its claim.
    `voided`: it will never be started. `lost`: it was started, no runner is alive, and there is no result."""
    claim: RunnerClaim | None = None
    """What `runner.json` says; None when there is none that can be read."""
    finished: Finished | None = None
    """Its end; only in the stage `ended`."""


def look(folder: Path) -> CommandEvidence:
    """Raises OSError."""
    claim_text = _read(folder / runner.CLAIM)
    claim = _parsed(RunnerClaim, claim_text)
    # Whether it lives comes before the look at its result: it may write that and be gone in between.
    alive = claim is not None and is_alive(claim)
    exit_text = _read(folder / runner.EXIT)
    if exit_text is not None:
        how = _parsed(Exit, exit_text)
        finished = how and _finished(folder, how)
        return CommandEvidence("ended", claim, finished) if finished else CommandEvidence("lost", claim)
    if alive:
        return CommandEvidence("running", claim)
    if claim is not None:
        return CommandEvidence("voided" if claim.void else "lost", claim)
    spec = _read(folder / runner.SPEC)
    if spec is None:
        return CommandEvidence("lost" if folder.exists() else "absent")
    if _boot_of(spec) != runner.boot_id():
        return CommandEvidence("lost")
    return CommandEvidence("made" if claim_text is None else "claimed")


def make(folder: Path, command: Command, timeout_seconds: float) -> None:
    """Make the folder, complete and durable. Of several callers at once the first one wins. Raises OSError."""
    new = Path(tempfile.mkdtemp(prefix=f".new.{folder.name}.", dir=folder.parent))
    spec = {
        "argv": list(command.argv),
        "folder": os.fspath(command.folder),
        "env": dict(command.env),
        "timeout_seconds": timeout_seconds,
        "boot": runner.boot_id(),
        "head_bytes": HEAD_BYTES,
        "piece_bytes": PIECE_BYTES,
        "pieces": PIECES,
        "descriptors": limit_of_commands(),
        "limits": {name: value for name, value in asdict(command.limits).items() if value is not None},
    }
    _write(new / runner.SPEC, json.dumps(spec).encode())
    if command.stdin:
        _write(new / runner.STDIN, command.stdin)
    crashpoint("spool.temporary_made")
    try:
        os.rename(new, folder)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    sync_folder(folder.parent)


def void(folder: Path, *, cancelled: bool = False) -> bool:
    """Make sure that the command never starts; `cancelled` also gives it that end. False: a runner has claimed it."""
    done = runner.claim({"boot": runner.boot_id(), "void": True}, os.fspath(folder))
    crashpoint("spool.voided")
    if done and cancelled:
        runner.tell_exit(os.fspath(folder), Exit(ending="cancelled").model_dump())
    return done


def remove(folder: Path) -> None:
    """Remove the folder, its name first, so that a half removed one is never taken for a command. Raises OSError."""
    old = folder.with_name(f".old.{folder.name}.{os.urandom(4).hex()}")
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, old)
    crashpoint("spool.moved_away")
    # What cannot be removed now is removed by the next sweep.
    shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# --- processes ------------------------------------------------------------------------------------------------------


def is_alive(claim: RunnerClaim) -> bool:
    """Whether the runner that made this claim runs."""
    if claim.void or claim.pid < FIRST_PID or claim.boot != runner.boot_id():
        return False
    return is_running(claim.pid, claim.started)


def is_running(pid: int, started: int | None) -> bool:
    """Whether the process runs, and is the one that was started at that time."""
    process = process_table.process(pid)
    if process is not None:
        return not process.dead and process.started == started
    if started is not None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def kill_survivors(claim: RunnerClaim) -> None:
    """Kill what a dead runner left running, as far as it surely is what that runner started."""
    if claim.void or claim.child < FIRST_PID or claim.boot != runner.boot_id():
        return
    until = time.monotonic() + _KILL_SECONDS
    while (ours := _survivors(claim)) and time.monotonic() < until:
        if claim.child in ours:
            process_table.send(-claim.child, signal.SIGKILL)
        for pid in ours:
            process_table.send(pid, signal.SIGKILL)
        time.sleep(0.01)


def _survivors(claim: RunnerClaim) -> set[int]:
    """The command, its descendants, the processes in its session, and those that hold its output pipes."""
    table = [each for each in process_table.processes() if not each.dead]
    ours = {each.pid for each in table if _holds(each.pid, claim.pipes)}
    if any(each.pid == claim.child and each.started == claim.child_started for each in table):
        ours |= {claim.child} | {each.pid for each in table if each.session == claim.child}
    for pid in tuple(ours):
        ours |= process_table.descendants(table, pid)
    return ours - {os.getpid()}


def _holds(pid: int, pipes: tuple[str, ...]) -> bool:
    for number in (1, 2):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{number}") in pipes:
                return True
    return False


# --- what it printed ------------------------------------------------------------------------------------------------


class Tail:
    """Reads a stream of a running command as text, from its beginning."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._position = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self) -> str:
        """What is new, at most `LIVE_BYTES` of it; "" when there is nothing."""
        numbers = _pieces(self._folder, self._name)
        if not numbers:
            return ""
        skipped = ""
        try:
            size = _start(numbers[-1]) + os.stat(self._path(numbers[-1])).st_size
            if size - self._position > LIVE_BEHIND_BYTES:
                skipped = self._skip_to(size - LIVE_BYTES)
            return skipped + self._decoder.decode(self._bytes())
        except FileNotFoundError:
            # It was removed while we looked: we are far behind, and skip the next time.
            return skipped

    def rest(self) -> str:
        """All that is left, when it has ended."""
        texts = []
        while text := self.read():
            texts.append(text)
        return "".join(texts) + self._decoder.decode(b"", final=True)

    def _skip_to(self, position: int) -> str:
        half = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        count, self._position = position - self._position, position
        return f"{half}\n[… {count:,} bytes …]\n"

    def _bytes(self) -> bytes:
        number = max(0, (self._position - HEAD_BYTES) // PIECE_BYTES + 1)
        with open(open_file(self._path(number)), "rb") as file:
            file.seek(self._position - _start(number))
            chunk = file.read(LIVE_BYTES)
        self._position += len(chunk)
        return chunk

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}.{number}"


def _finished(folder: Path, how: Exit) -> Finished | None:
    """None when some of the output is missing."""
    stdout = _output(folder, "stdout", how.stdout_bytes)
    stderr = _output(folder, "stderr", how.stderr_bytes)
    if how.stored and not (_is_whole(stdout) and _is_whole(stderr)):
        return None
    return Finished(how.ending, how.exit_code, stdout, stderr, how.seconds, how.signal, how.error, _limit(how))


def _limit(how: Exit) -> LimitReached | None:
    return LimitReached(how.limit, how.limit_value) if how.limit else None


def _output(folder: Path, name: str, size: int) -> Output:
    parts = [_read(folder / f"{name}.{number}") or b"" for number in _pieces(folder, name)]
    return Output(parts[0] if parts else b"", b"".join(parts[1:])[-TAIL_BYTES:], size)


def _is_whole(output: Output) -> bool:
    head = min(output.size_bytes, HEAD_BYTES)
    return (len(output.head), len(output.tail)) == (head, min(output.size_bytes - head, TAIL_BYTES))


def _pieces(folder: Path, name: str) -> list[int]:
    """The numbers of the files that a stream has now."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    parts = (each.partition(".") for each in names)
    return sorted(int(number) for stem, _, number in parts if stem == name and number.isdecimal())


def _start(number: int) -> int:
    """The position in the stream at which a file of it begins."""
    return HEAD_BYTES + (number - 1) * PIECE_BYTES if number else 0


# --- files ----------------------------------------------------------------------------------------------------------


def _write(path: Path, text: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)


def _read(path: Path) -> bytes | None:
    try:
        return read_file(path, READ_MAX_BYTES)
    except FileNotFoundError:
        return None


def _parsed(kind: type[Form], text: bytes | None) -> Form | None:
    try:
        return kind.model_validate_json(text or b"")
    except ValidationError:
        return None


def _boot_of(spec: bytes) -> str | None:
    spec_data: Any = None
    with contextlib.suppress(ValueError):
        spec_data = json.loads(spec)
    return spec_data.get("boot") if isinstance(spec_data, dict) else None

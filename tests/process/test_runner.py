"""The program that runs one command: what the command gets, what it prints, and how it ends."""

import asyncio
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from duragent.process import folder as files
from duragent.process import runner
from duragent.process.base import Finished, Output
from duragent.sandboxes.base import Command
from tests.support.bounds import LIMIT_SECONDS
from tests.support.spools import CALL, SESSION, claim_of, opened, run, sh
from tests.support.until import until


def _said(stdout: bytes = b"", stderr: bytes = b"") -> tuple[Output, Output]:
    return Output(stdout, b"", len(stdout)), Output(stderr, b"", len(stderr))


async def test_command_gives_its_output_and_exit_code(tmp_path: Path) -> None:
    found = await run(tmp_path, sh("printf 'a\\0\\377'; echo b >&2; exit 3", tmp_path))
    assert found == Finished("exited", 3, *_said(b"a\0\xff", b"b\n"), seconds=found.seconds)
    assert 0 <= found.seconds < LIMIT_SECONDS


async def test_command_killed_by_a_signal_says_which(tmp_path: Path) -> None:
    found = await run(tmp_path, sh("kill -SEGV $$", tmp_path))
    assert (found.ending, found.exit_code, found.signal) == ("exited", None, 11)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (
            Command(("no-such-program",), Path("/tmp"), {"PATH": "/usr/bin"}),
            "no-such-program: No such file or directory",
        ),
        (Command(("true",), Path("/no/such"), {"PATH": "/usr/bin"}), "the folder /no/such: No such file or directory"),
        (Command(("/etc/passwd",), Path("/tmp")), "/etc/passwd: Permission denied"),
        (Command(("true", "x" * 200_000), Path("/tmp"), {"PATH": "/usr/bin"}), "true: Argument list too long"),
        (Command(("true", "a\0b"), Path("/tmp"), {"PATH": "/usr/bin"}), "true: embedded null byte"),
        (Command((), Path("/tmp")), "the command: it is empty"),
    ],
)
async def test_command_that_cannot_start_says_why(tmp_path: Path, command: Command, error: str) -> None:
    found = await run(tmp_path, command)
    assert found == Finished("exited", None, *_said(), seconds=found.seconds, error=error)


async def test_command_has_exactly_the_given_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    odd = {"PATH": "/usr/bin:/bin", "ODD": "é\n=\udcff", "EMPTY": ""}
    found = await run(tmp_path, Command(("env", "-0"), tmp_path, odd))
    assert sorted(found.stdout.head.split(b"\0")[:-1]) == [b"EMPTY=", b"ODD=\xc3\xa9\n=\xff", b"PATH=/usr/bin:/bin"]


async def test_runner_is_not_given_the_servers_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    found = await run(tmp_path, sh("tr '\\0' '\\n' < /proc/$PPID/environ", tmp_path))
    assert b"PROVIDER_KEY" not in found.stdout.head


@pytest.mark.parametrize("stdin", [b"", b"\0\xff\n" * 100_000])
async def test_command_reads_what_it_is_given(tmp_path: Path, stdin: bytes) -> None:
    found = await run(tmp_path, Command(("cat",), tmp_path, {"PATH": "/usr/bin:/bin"}, stdin))
    assert found.stdout == Output(stdin, b"", len(stdin))


_CHILD = """
import json, os, signal
folder = "/proc/self/fd/"
fds = {fd: os.readlink(folder + fd) for fd in os.listdir(folder) if os.path.exists(folder + fd)}
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if line.startswith("Sig"))
print(json.dumps({"fds": sorted(fds), "fd0": fds["0"], "status": status, "leader": os.getsid(0) == os.getpid()}))
"""


async def test_command_inherits_no_descriptor_and_no_signal(tmp_path: Path) -> None:
    leak = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(leak, True)
    argv = (sys.executable, "-I", "-S", "-c", _CHILD)
    with_ignored = "trap '' HUP INT QUIT USR1; exec \"$@\""
    try:
        found = await run(tmp_path, Command(argv, tmp_path))
        runner_fds = sh(f"ls -l /proc/$PPID/fd | grep -c ' {tmp_path}$'; {with_ignored}", tmp_path)
        spool = await opened(tmp_path)
        runners = await spool.commands(SESSION, "call_2").run(runner_fds, timeout_seconds=LIMIT_SECONDS)
    finally:
        os.close(leak)
    told = json.loads(found.stdout.head)
    assert told["fds"] == ["0", "1", "2"]
    assert told["fd0"] == "/dev/null"
    assert told["leader"]
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25) and handles SIGINT (2); a mask has bit n - 1 for signal n.
    assert int(told["status"]["SigIgn"], 16) == 1 << 12 | 1 << 24
    assert int(told["status"]["SigBlk"], 16) == 0
    assert runners.stdout.head == b"0\n"


async def test_command_dies_of_a_broken_pipe(tmp_path: Path) -> None:
    script = "(while :; do echo y || exit 9; done) 2>/dev/null | true; grep SigIgn /proc/self/status"
    found = await run(tmp_path, sh(script, tmp_path))
    assert found.stdout.head == b"SigIgn:\t0000000000000000\n"


_LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from duragent.process.spool import Spool
from duragent.sandboxes.base import Command
from duragent.system import descriptors

async def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    descriptors.raise_limit()
    assert descriptors.limit() == min(hard, descriptors.MOST), descriptors.limit()
    spool = await Spool.open(Path(sys.argv[1]))
    command = Command(("sh", "-c", "ulimit -S -n; ulimit -H -n"), Path("/"), {"PATH": "/usr/bin:/bin"})
    found = await spool.commands("session_01k", "call_01k").run(command, timeout_seconds=60)
    print(found.stdout.head.decode().split(), hard)

asyncio.run(main())
"""


def test_command_gets_the_limit_of_descriptors_that_the_server_was_started_with(tmp_path: Path) -> None:
    """Programs that use select(2) break on a descriptor above 1,023."""
    # In a process of its own: the limit of this one holds for all tests.
    argv = [sys.executable, "-c", _LIMITED, str(tmp_path / "spool")]
    ran = subprocess.run(argv, capture_output=True, check=True, text=True, timeout=LIMIT_SECONDS)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert ran.stdout.strip() == f"['512', '{hard}'] {hard}"


async def test_runner_and_its_command_are_not_of_the_servers_group(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    commands = spool.commands(SESSION, CALL)
    running = asyncio.create_task(commands.run(sh("touch begun; sleep 1000", tmp_path), timeout_seconds=LIMIT_SECONDS))
    # By then the forked process is in its own session; it may not be when the runner writes down who it is.
    await until((tmp_path / "begun").exists)
    claim = claim_of(tmp_path)
    # Ctrl-C in the server's terminal, or a kill of its group, reaches neither of them.
    assert [os.getsid(claim[who]) for who in ("pid", "child")] == [claim["pid"], claim["child"]]
    assert os.getsid(0) not in (claim["pid"], claim["child"])
    await commands.end()
    assert (await running).ending == "cancelled"


def test_call_is_claimed_once(tmp_path: Path) -> None:
    assert [runner.claim({"boot": "b", "pid": number}, str(tmp_path)) for number in (1, 2)] == [True, False]
    assert (tmp_path / "runner.json").read_text() == '{"boot": "b", "pid": 1}'


def test_end_of_a_command_is_synced_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def synced(fd: int) -> None:
        happened.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))))
        fsync(fd)

    def renamed(old: str, new: str) -> None:
        happened.append(("rename", os.path.basename(new)))
        rename(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    runner.tell_exit(str(tmp_path), {"ending": "exited"})
    new = f".exit.json.{os.getpid()}"
    assert happened == [("sync", new), ("rename", "exit.json"), ("sync", tmp_path.name)]
    happened.clear()
    # After a power cut a call without a folder counts as never started.
    files.make(tmp_path / "session_1.call_1", sh("true", tmp_path), 1.0)
    assert happened == [("rename", "session_1.call_1"), ("sync", tmp_path.name)]

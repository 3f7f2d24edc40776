"""A command: what it is given, what comes of it, and that there is one for a call."""

import asyncio
import contextlib
import json
import os
import resource
import sys
from pathlib import Path

import pytest

from duragent.errors import InvalidRequest, RunnerLost, Unavailable
from duragent.process.base import Finished, Output
from duragent.process.folder import HEAD_BYTES, PIECE_BYTES, PIECES, TAIL_BYTES
from duragent.process.spool import Spool
from duragent.sandboxes.base import Command
from duragent.system import descriptors
from tests.support.bounds import LIMIT_SECONDS
from tests.support.spools import CALL, SESSION, call_folder, claim_of, living_in, opened, run, sh
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


async def test_long_output_keeps_its_head_and_tail_and_no_more(tmp_path: Path) -> None:
    size = 200_000_000
    script = f"echo first; head -c {size} /dev/zero; echo last; grep VmHWM /proc/$PPID/status >&2"
    found = await run(tmp_path, sh(script, tmp_path))
    assert found.stdout.size_bytes == size + 11
    assert (len(found.stdout.head), len(found.stdout.tail)) == (HEAD_BYTES, TAIL_BYTES)
    assert found.stdout.head.startswith(b"first\n\0")
    assert found.stdout.tail.endswith(b"\0last\n")
    assert found.stdout.omitted_bytes == size + 11 - HEAD_BYTES - TAIL_BYTES
    assert int(found.stderr.head.split()[1]) < 40_000
    on_disk = sum(each.stat().st_size for each in call_folder(tmp_path).glob("stdout.*"))
    assert on_disk <= HEAD_BYTES + (PIECES + 1) * PIECE_BYTES


@pytest.mark.parametrize("over", [-1, 0, 1, PIECE_BYTES, TAIL_BYTES, TAIL_BYTES + 1, TAIL_BYTES + PIECE_BYTES])
async def test_output_is_kept_to_the_byte_at_every_border(tmp_path: Path, over: int) -> None:
    size = HEAD_BYTES + over
    script = (
        f"seq 1000000 | tr '\\n' ' ' | head -c {size // 2}; seq 1000000 | tr '\\n' ' ' | head -c {size - size // 2}"
    )
    numbers = b"".join(b"%d " % each for each in range(1, 1_000_001))
    whole = numbers[: size // 2] + numbers[: size - size // 2]
    assert len(whole) == size
    found = await run(tmp_path, sh(script, tmp_path))
    assert found.stdout == Output(whole[:HEAD_BYTES], whole[HEAD_BYTES:][-TAIL_BYTES:], size)


async def test_watcher_sees_output_while_it_comes(tmp_path: Path) -> None:
    spool, seen, go = await opened(tmp_path), list[str](), tmp_path / "go"
    os.mkfifo(go)
    # The euro sign comes in two halves.
    script = "printf 'one \\342\\202'; read _ < go; printf '\\254 two \\377' >&1; echo oops >&2"
    running = asyncio.create_task(
        spool.commands(SESSION, CALL, seen.append).run(sh(script, tmp_path), timeout_seconds=LIMIT_SECONDS)
    )
    await until(lambda: "one " in "".join(seen))
    assert not running.done()
    assert "".join(seen) == "one "
    go.write_text("\n")
    await running
    assert "".join(seen) == "one € two \N{REPLACEMENT CHARACTER}oops\n"


async def test_watcher_of_much_output_sees_only_some_of_it(tmp_path: Path) -> None:
    spool, seen = await opened(tmp_path), list[str]()
    script = "head -c 50000000 /dev/zero | tr '\\0' x; echo end"
    await spool.commands(SESSION, CALL, seen.append).run(sh(script, tmp_path), timeout_seconds=LIMIT_SECONDS)
    text = "".join(seen)
    assert len(text) < 5_000_000
    assert "bytes …]\n" in text
    assert text.endswith("xend\n")


async def test_second_run_is_given_the_first_ones_end(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    command = sh("echo once >> count; echo $$", tmp_path)
    first = await spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS)
    second = await (await opened(tmp_path)).commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS)
    assert first == second
    assert (tmp_path / "count").read_text() == "once\n"


async def test_runs_at_the_same_time_are_one_execution(tmp_path: Path) -> None:
    spools = [await opened(tmp_path) for _ in range(3)]
    command = sh("echo once >> count; sleep 0.2; echo $$", tmp_path)
    runs = [
        spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS) for spool in spools for _ in range(3)
    ]
    ends = await asyncio.gather(*runs)
    assert (tmp_path / "count").read_text() == "once\n"
    assert ends == [ends[0]] * 9


async def test_calls_of_a_crowd_run_side_by_side(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    runs = [
        spool.commands(SESSION, f"call_{number}").run(
            sh(f"sleep 0.1; echo {number}", tmp_path), timeout_seconds=LIMIT_SECONDS
        )
        for number in range(30)
    ]
    ends = await asyncio.gather(*runs)
    assert [each.stdout.head for each in ends] == [b"%d\n" % number for number in range(30)]


async def test_cancelled_waiter_leaves_the_command_running(tmp_path: Path) -> None:
    spool, go = await opened(tmp_path), tmp_path / "go"
    os.mkfifo(go)
    command = sh("read line < go; echo got $line", tmp_path)
    waiting = asyncio.create_task(spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS))
    await until(lambda: claim_of(tmp_path))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await spool.evidence(SESSION, CALL, spool.id) == "running"
    again = asyncio.create_task(spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS))
    await asyncio.to_thread(go.write_text, "it\n")
    assert (await again).stdout.head == b"got it\n"
    assert await spool.evidence(SESSION, CALL, spool.id) == "finished"


async def test_forgotten_call_starts_anew(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    command = sh("echo once >> count", tmp_path)
    for _ in range(2):
        await spool.commands(SESSION, CALL).run(command, timeout_seconds=LIMIT_SECONDS)
        await spool.forget(SESSION, CALL)
        assert os.listdir(tmp_path / "run" / "spool") == ["id"]
    assert await spool.evidence(SESSION, CALL, spool.id) == "never_started"
    assert (tmp_path / "count").read_text() == "once\nonce\n"


async def test_sweep_removes_what_nobody_waits_for_and_ends_it(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    (tmp_path / "kept").mkdir()
    (tmp_path / "left").mkdir()
    kept = asyncio.create_task(
        spool.commands(SESSION, "call_kept").run(sh("sleep 1000", tmp_path / "kept"), timeout_seconds=LIMIT_SECONDS)
    )
    left = asyncio.create_task(
        spool.commands(SESSION, CALL).run(
            sh("echo once >> started; sleep 1000", tmp_path / "left"), timeout_seconds=LIMIT_SECONDS
        )
    )
    await until(lambda: living_in(tmp_path / "kept") and living_in(tmp_path / "left"))
    (tmp_path / "run" / "spool" / f".old.{SESSION}.call_gone.1").mkdir()
    assert await spool.sweep(lambda session, call: (session, call) == (SESSION, "call_kept")) == 1
    assert living_in(tmp_path / "left") == []
    assert living_in(tmp_path / "kept") != []
    assert sorted(os.listdir(tmp_path / "run" / "spool")) == ["id", f"{SESSION}.call_kept"]
    await spool.commands(SESSION, "call_kept").end()
    assert (await kept).ending == "cancelled"
    # Who waited for it is told, if not by its end, and does not start it again.
    with contextlib.suppress(RunnerLost):
        assert (await left).ending == "cancelled"
    assert os.listdir(tmp_path / "left") == ["started"]
    assert (tmp_path / "left" / "started").read_text() == "once\n"


async def test_spool_keeps_its_id_and_a_new_one_knows_nothing(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    await spool.commands(SESSION, CALL).run(sh("true", tmp_path), timeout_seconds=LIMIT_SECONDS)
    assert (await opened(tmp_path)).id == spool.id
    os.rename(tmp_path / "run" / "spool", tmp_path / "elsewhere")
    other = await opened(tmp_path)
    assert other.id != spool.id
    assert await other.evidence(SESSION, CALL, spool.id) == "unknown"
    assert await other.evidence(SESSION, CALL, "") == "unknown"


@pytest.mark.parametrize("session_id", ["", "a/b", "..", "a.b", "A", "-a", "a" * 65, "a\n", "a\0"])
async def test_ids_that_could_be_paths_are_refused(tmp_path: Path, session_id: str) -> None:
    spool = await opened(tmp_path)
    with pytest.raises(InvalidRequest):
        spool.commands(session_id, CALL)
    with pytest.raises(InvalidRequest):
        await spool.forget(SESSION, session_id)


async def test_spool_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    (tmp_path / "run" / "spool").rename(tmp_path / "away")
    with pytest.raises(Unavailable, match="No such file"):
        await spool.commands(SESSION, CALL).run(sh("true", tmp_path), timeout_seconds=5)


async def test_spool_that_cannot_be_made_yet_knows_nothing_and_is_ready_later(tmp_path: Path) -> None:
    (tmp_path / "disk").write_text("not mounted yet")
    spool = await Spool.open(tmp_path / "disk" / "spool")
    assert spool.id == ""
    for asked in (spool.ready(), spool.sweep(lambda *_: False), spool.evidence(SESSION, CALL, "spool_of_before")):
        # A call that was started before is not lost because nobody can look now.
        with pytest.raises(Unavailable, match="Not a directory"):
            await asked
    (tmp_path / "disk").unlink()
    assert await spool.evidence(SESSION, CALL, "spool_of_before") == "unknown"
    assert spool.id.startswith("spool_")


def test_command_is_followed_on_uvloop_too(tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        found = loop.run(run(tmp_path, sh("sleep 0.1; echo hi", tmp_path)))
    assert found.stdout.head == b"hi\n"


async def test_command_gets_the_limit_of_descriptors_that_the_server_was_started_with(tmp_path: Path) -> None:
    """Programs that use select(2) break on a descriptor above 1,023."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        descriptors.raise_limit()
        assert descriptors.limit() == min(before[1], descriptors.MOST)
        found = await run(tmp_path, sh("ulimit -S -n; ulimit -H -n", tmp_path))
    finally:
        descriptors._before.clear()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found.stdout.head.split() == [b"512", str(before[1]).encode()]

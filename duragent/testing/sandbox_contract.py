"""Whether a sandbox keeps the promises of `duragent.sandboxes.base`: the suite that every one on that shelf passes.

For a sandbox of your own, one test is enough:

    def test_my_sandbox_keeps_the_contract():
        check_sandbox(MySandbox)

`make_sandbox` is called once for each promise. With `confines=False`, for one that confines nothing, the promises about
what a command cannot do are left out. The first broken promise raises AssertionError, with its name in a note.
`PROMISES` and `CONFINEMENTS` hold them one by one, for `pytest.mark.parametrize`; each gets a sandbox and an empty
folder. The commands use a POSIX shell and nothing else, so that any image and any system will do.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from duragent.sandboxes.base import Command, Confinement, Sandbox

Promise = Callable[[Sandbox, Path], None]

WAIT_SECONDS = 20.0
_SECRET = "a-secret-of-the-machine"


def check_sandbox(make_sandbox: Callable[[], Sandbox], *, confines: bool = True) -> None:
    """Try every promise, each with a sandbox and a folder of its own."""
    for promise in (*PROMISES, *CONFINEMENTS) if confines else PROMISES:
        with odd_folder() as folder:
            try:
                promise(make_sandbox(), folder)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                error.add_note(f"the sandbox broke the promise: {promise.__name__}")
                raise


@contextlib.contextmanager
def odd_folder() -> Iterator[Path]:
    """An empty folder whose path has all that paths can have."""
    with tempfile.TemporaryDirectory(prefix="duragent check ") as around:
        folder = Path(os.path.realpath(around), "-a, \"b\"\n'c':d=\N{GRINNING FACE}", "--project")
        folder.mkdir(parents=True)
        yield folder


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: `code` is 128 + the signal when one killed it, as a shell says it."""

    code: int
    stdout: bytes
    stderr: bytes


def run(command: Command) -> Ran:
    """Run a command as the runner does: in a session of its own, with its own environment only."""
    with started(command) as process:
        stdout, stderr = process.communicate(command.stdin, timeout=WAIT_SECONDS)
    code = process.returncode
    return Ran(code if code >= 0 else 128 - code, stdout, stderr)


@contextlib.contextmanager
def started(command: Command) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs, and is ended with its group at the latest when the block is left."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command.argv, cwd=command.folder, env=dict(command.env), stdin=pipe, stdout=pipe, stderr=pipe,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def shell(
    folder: Path, script: str, *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Command:
    """A command that runs a line of shell with `$1`, `$2` and so on."""
    path = {"PATH": os.environ.get("PATH", os.defpath)}
    return Command(("sh", "-c", script, "sh", *arguments), folder, {**path, **(env or {})}, stdin)


def inside(sandbox: Sandbox, within: Confinement, script: str, *arguments: str) -> Ran:
    """Run a line of shell in the sandbox, in the first writable folder."""
    return run(sandbox.wrap(shell(within.writable[0], script, *arguments), within))


# --- a command is what it was ---------------------------------------------------------------------------------------


def it_works_here_and_says_where_commands_run(sandbox: Sandbox, folder: Path) -> None:
    assert sandbox.problem() is None
    assert sandbox.name
    for network in (False, True):
        said = sandbox.describe(Confinement((Path("/home/me/project"),), network=network))
        assert "/home/me/project" in said
        assert ("network on" in said) or not network
        assert len(said.splitlines()) == 1
    assert len(sandbox.describe(Confinement((folder,))).splitlines()) == 1


def wrap_changes_nothing(sandbox: Sandbox, folder: Path) -> None:
    command, within = shell(folder, "touch made"), Confinement((folder,), hidden=(folder / "not there",))
    assert sandbox.wrap(command, within) == sandbox.wrap(command, within)
    assert list(folder.iterdir()) == []


def output_and_exit_code_are_the_commands_own(sandbox: Sandbox, folder: Path) -> None:
    for code in (0, 1, 7, 126, 127, 255):
        script = f"printf 'out\\377\\0\\n'; printf 'err\\r\\n' >&2; exit {code}"
        assert inside(sandbox, Confinement((folder,)), script) == Ran(code, b"out\xff\0\n", b"err\r\n")


def killed_command_is_seen_as_killed(sandbox: Sandbox, folder: Path) -> None:
    for name in ("KILL", "TERM", "SEGV"):
        number = signal.Signals[f"SIG{name}"].value
        assert inside(sandbox, Confinement((folder,)), f"printf a; kill -{name} $$; sleep 9").code == 128 + number, name


def input_reaches_the_command(sandbox: Sandbox, folder: Path) -> None:
    for data in (b"", b"one line\n", bytes(range(256)) * 4096):
        command = shell(folder, "cat", stdin=data)
        assert run(sandbox.wrap(command, Confinement((folder,)))) == Ran(0, data, b"")


def arguments_arrive_as_they_are(sandbox: Sandbox, folder: Path) -> None:
    odd = (
        "",
        "-x",
        "--",
        "--bind",
        "a b",
        "a\nb",
        "$(exit 3)",
        "`id`",
        "'\"\\",
        "\N{GRINNING FACE}",
        "\udcff",
        "x" * 99_999,
    )
    ran = inside(sandbox, Confinement((folder,)), "printf '%s\\0' \"$@\"", *odd)
    assert ran == Ran(0, "".join(f"{argument}\0" for argument in odd).encode(errors="surrogateescape"), b"")


def environment_is_the_commands_own(sandbox: Sandbox, folder: Path) -> None:
    odd = "a b\n$(id) = '\"\N{GRINNING FACE}"
    command = shell(folder, 'printf %s "$PASSED"; export -p', env={"PASSED": odd})
    os.environ["DURAGENT_CHECK_KEY"] = _SECRET
    try:
        ran = run(sandbox.wrap(command, Confinement((folder,))))
    finally:
        del os.environ["DURAGENT_CHECK_KEY"]
    assert ran.stdout.startswith(odd.encode())
    assert _SECRET.encode() not in ran.stdout


def command_works_in_its_folder(sandbox: Sandbox, folder: Path) -> None:
    below = folder / "below"
    below.mkdir()
    command = shell(below, "pwd -P; printf made > ../made; mkdir new && mv ../made new/")
    ran = run(sandbox.wrap(command, Confinement((folder,))))
    assert ran == Ran(0, os.fsencode(below) + b"\n", b"")
    assert (below / "new" / "made").read_bytes() == b"made"


def ending_the_group_ends_what_it_started(sandbox: Sandbox, folder: Path) -> None:
    _all_ends(sandbox, folder, "sleep 300 & (sleep 300; :) & echo ready; wait", signal.SIGTERM)


def _all_ends(sandbox: Sandbox, folder: Path, script: str, number: signal.Signals) -> None:
    """The output is at its end once the last process that could write to it has gone."""
    with started(sandbox.wrap(shell(folder, script), Confinement((folder,)))) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        os.killpg(process.pid, number)
        try:
            rest = process.communicate(timeout=WAIT_SECONDS)[0]
        except subprocess.TimeoutExpired:
            raise AssertionError("something that the command started is still there") from None
        assert rest == b""
        assert process.returncode != 0


def _contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.is_dir() else {}


# --- what a command cannot do ---------------------------------------------------------------------------------------


def nothing_is_written_outside(sandbox: Sandbox, folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("old")
    (folder / "link").symlink_to(outside)
    (folder / "file_link").symlink_to(outside / "file")
    script = """
        for place in "$1" ../outside link ./link/. "/proc/self/root$1" "/proc/1/root$1" "/proc/self/cwd/../outside"; do
            echo new > "$place/file"; echo new > "$place/new"; rm -f "$place/file"; mv "$place/file" "$place/moved"
            mkdir "$place/made"; ln "$place/file" hard && echo new > hard; chmod 777 "$place/file"
        done 2>&-
        echo new > file_link; rmdir ../outside; mv ../outside ../gone; ln -s "$1" made_link; echo new > made_link/file
    """
    inside(sandbox, Confinement((folder,)), script, str(outside))
    assert _contents(outside) == {"file": "old"}
    assert (outside / "file").stat().st_mode & 0o777 != 0o777


def read_only_stays_read_only(sandbox: Sandbox, folder: Path) -> None:
    kept = folder / "a" / "b" / "kept"
    kept.mkdir(parents=True)
    (kept / "rules").write_text("old")
    (folder / "a" / "lone").write_text("old")
    within = Confinement((folder,), read_only=(kept, folder / "a" / "lone"))
    script = """
        echo new > a/b/kept/rules; echo new > a/lone; rm -rf a/b/kept/rules a/lone; echo new > a/b/kept/new
        mv a/b/kept x; mv a/b x; mv a x; ln a/lone hard && echo new > hard; ln a/b/kept/rules hard && echo new > hard
        mkdir -p a/b/kept; echo new > a/b/kept/rules; cat a/b/kept/rules a/lone >&3
    """
    for _ in range(2):
        assert inside(sandbox, within, f"exec 3>&1 >/dev/null 2>&1; {script}").stdout == b"oldold"
    assert _contents(kept) == {"rules": "old"}
    assert (folder / "a" / "lone").read_text() == "old"


def hidden_is_not_read(sandbox: Sandbox, folder: Path) -> None:
    token, keys = folder / "run" / "deep" / "token", folder / "keys"
    outside = folder.parent / "outside"
    for path in (token, keys / "key", outside / "key"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_SECRET)
    (folder / "link").symlink_to(token)
    (folder / "hidden_link").symlink_to(outside)
    within = Confinement((folder,), hidden=(token, keys, folder / "hidden_link", folder / "not" / "there"))
    script = """
        all() {
            for place in . "$PWD" ./run/../. "/proc/self/root$PWD" "/proc/1/root$PWD" /proc/self/cwd x y; do
                cat "$place/run/deep/token" "$place/keys/key" "$place/deep/token" "$place/token" "$place/key"
                cat "$place/link" "$place/hidden_link/key" "$place/keys/"* "$place/../outside/key"
            done
        }
        all; mv run x; mv run/deep y; mv keys y; mv run/deep/token y; all; ln run/deep/token x; ln keys/key y; all
        rm -f run/deep/token; rm -rf keys; cp -r run keys hidden_link x; umount run/deep/token; umount keys; all
        cat "$1/key"; ls -a keys
    """
    for _ in range(2):
        ran = inside(sandbox, within, script, str(outside))
        assert _SECRET.encode() not in ran.stdout
        assert b"key" not in ran.stdout
    assert [path.read_text() for path in (token, keys / "key", outside / "key")] == [_SECRET] * 3


def link_that_a_command_left_opens_nothing(sandbox: Sandbox, folder: Path) -> None:
    """It lies where the next confinement has a folder to write or to read."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("old")
    inside(sandbox, Confinement((folder,)), 'ln -s "$1" cache; ln -s "$1/file" rules', str(outside))
    assert os.readlink(folder / "cache") == str(outside)
    within = Confinement((folder, folder / "cache"), read_only=(folder / "rules",))
    inside(sandbox, within, 'echo new > cache/file; echo new > "$1/file"; echo new > "$1/new"', str(outside))
    assert _contents(outside) == {"file": "old"}


def network_is_off(sandbox: Sandbox, folder: Path) -> None:
    ran = inside(sandbox, Confinement((folder,)), "while read line; do echo x; done < /proc/net/route")
    assert ran == Ran(0, b"x\n", b""), "there is more than the heading of the table of routes"


def other_processes_are_not_seen(sandbox: Sandbox, folder: Path) -> None:
    other = Command(("sleep", "300"), folder, {"PATH": os.environ.get("PATH", os.defpath), "API_KEY": _SECRET})
    with started(other) as process:
        script = 'cat /proc/*/environ /proc/*/cmdline; cat "/proc/$1/environ"; kill -9 "$1"'
        ran = inside(sandbox, Confinement((folder,)), script, str(process.pid))
        assert process.poll() is None
    assert _SECRET.encode() not in ran.stdout
    assert b"sleep\x00300" not in ran.stdout


def what_left_the_group_ends_too(sandbox: Sandbox, folder: Path) -> None:
    """A process in a session of its own, that hears no signal but the last."""
    stubborn = "trap '' TERM HUP INT; echo ready; for each in 1 2 3 4 5 6 7 8; do sleep 5; done"
    _all_ends(sandbox, folder, f'setsid sh -c "{stubborn}" & wait', signal.SIGTERM)


PROMISES: tuple[Promise, ...] = (
    it_works_here_and_says_where_commands_run,
    wrap_changes_nothing,
    output_and_exit_code_are_the_commands_own,
    killed_command_is_seen_as_killed,
    input_reaches_the_command,
    arguments_arrive_as_they_are,
    environment_is_the_commands_own,
    command_works_in_its_folder,
    ending_the_group_ends_what_it_started,
)

CONFINEMENTS: tuple[Promise, ...] = (
    nothing_is_written_outside,
    read_only_stays_read_only,
    hidden_is_not_read,
    link_that_a_command_left_opens_nothing,
    network_is_off,
    other_processes_are_not_seen,
    what_left_the_group_ends_too,
)

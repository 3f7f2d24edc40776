"""bubblewrap, really run: the machine is there, but read-only, without its secrets, its sockets and its network."""

import http.server
import os
import socket
import threading
from pathlib import Path

import pytest

from duragent.sandboxes.base import Command, Confinement
from duragent.sandboxes.bubblewrap import Bubblewrap, explain
from duragent.testing.sandbox_contract import (
    CONFINEMENTS,
    PROMISES,
    Promise,
    Ran,
    inside,
    odd_folder,
    run,
    shell,
    started,
)
from tests.support.bounds import LIMIT_SECONDS
from tests.support.machine import needs_bubblewrap

pytestmark = needs_bubblewrap


@pytest.fixture
def project(home: Path) -> Path:
    folder = home / "project"
    folder.mkdir()
    return folder


def python(folder: Path, script: str, *arguments: str) -> Command:
    """A command in the system's Python or the one that runs the tests, with nothing in its environment."""
    return Command((os.path.realpath("/proc/self/exe"), "-I", "-c", script, *arguments), folder, {"PATH": os.defpath})


# --- files ----------------------------------------------------------------------------------------------------------


def test_project_outside_of_tmp_is_confined_like_one_in_it(project: Path) -> None:
    (project.parent / "file").write_text("old\n")
    (project / "link").symlink_to("..")
    script = 'echo new > made; echo new > ../file; echo new > link/file; ln ../file hard; echo new > "$1"; cat ../file'
    ran = inside(Bubblewrap(), Confinement((project,)), script, str(project.parent / "file"))
    assert (ran.stdout, (project.parent / "file").read_text()) == (b"old\n", "old\n")
    assert sorted(path.name for path in project.iterdir()) == ["link", "made"]


def test_tmp_is_private_and_empty(project: Path, tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("by others")
    script = 'ls -A /tmp /var/tmp; echo mine > /tmp/mine; cat /tmp/mine; cat "$1/seen"; echo x > "$1/seen"'
    for _ in range(2):
        ran = inside(Bubblewrap(), Confinement((project,)), script, str(tmp_path))
        assert ran.stdout == b"/tmp:\n\n/var/tmp:\nmine\n"
    assert not Path("/tmp/mine").exists()
    assert (tmp_path / "seen").read_text() == "by others"


def test_project_in_tmp_is_seen_and_nothing_beside_it(tmp_path: Path) -> None:
    project, tools = tmp_path / "project", tmp_path / "tools"
    for folder in (project, tools, tmp_path / "beside"):
        folder.mkdir()
    ran = inside(Bubblewrap(), Confinement((project,), read_only=(tools,)), "ls ..; echo x > ../tools/x; echo x > x")
    assert ran.stdout == b"project\ntools\n"
    assert ([path.name for path in project.iterdir()], list(tools.iterdir())) == (["x"], [])


@pytest.mark.parametrize(
    ("tmpdir", "inside_it"), [("/home", "/tmp"), ("/tmp/gone", "/tmp"), ("{project}/t", "{project}/t"), (None, "")]
)
def test_temporary_folder_can_be_written(project: Path, tmpdir: str | None, inside_it: str) -> None:
    (project / "t").mkdir()
    env = {"TMPDIR": tmpdir.format(project=project)} if tmpdir else {}
    wrapped = Bubblewrap().wrap(shell(project, 'printf %s "$TMPDIR"', env=env), Confinement((project,)))
    assert run(wrapped) == Ran(0, inside_it.format(project=project).encode(), b"")


def test_deeper_path_wins_however_they_are_nested(project: Path) -> None:
    for name in ("ro/rw/hidden/rw", "ro/hidden/ro"):
        (project / name).mkdir(parents=True)
    for folder in [project, *project.rglob("*")]:
        (folder / "f").write_text("old")
    within = Confinement(
        writable=(project, project / "ro/rw", project / "ro/rw/hidden/rw"),
        read_only=(project / "ro", project / "ro/hidden/ro"),
        hidden=(project / "ro/rw/hidden", project / "ro/hidden"),
    )
    script = (
        "for d in . ro ro/rw ro/rw/hidden ro/rw/hidden/rw ro/hidden ro/hidden/ro; do cat $d/f; echo new > $d/f; done"
    )
    ran = inside(Bubblewrap(), within, f"({script}) 2>/dev/null; echo; ls ro/rw/hidden")
    assert ran.stdout == b"oldoldoldoldold\nrw\n"
    changed = {str(path.parent.relative_to(project)) for path in project.rglob("f") if path.read_text() == "new\n"}
    assert changed == {".", "ro/rw", "ro/rw/hidden/rw"}


def test_hidden_wins_over_writable_at_the_same_path(project: Path) -> None:
    (project / "both").mkdir()
    (project / "both" / "key").write_text("secret")
    within = Confinement((project, project / "both"), read_only=(project / "both",), hidden=(project / "both",))
    assert inside(Bubblewrap(), within, "cat both/key || ls -A both; echo x > both/key").stdout == b""
    assert (project / "both" / "key").read_text() == "secret"


def test_hidden_file_is_empty_for_programs_that_would_fail_without_it(project: Path) -> None:
    (project / ".npmrc").write_text("secret")
    ran = inside(Bubblewrap(), Confinement((project,), hidden=(project / ".npmrc",)), "cat .npmrc && test ! -f .npmrc")
    assert ran == Ran(0, b"", b"")


def test_secret_and_visible_places_hold_for_each_command(home: Path, project: Path) -> None:
    for name in (".ssh", ".aws"):
        (home / name).mkdir()
        (home / name / "key").write_text("secret ")
    (home / ".ssh" / "known_hosts").write_text("hosts ")
    sandbox = Bubblewrap((home / ".ssh", home / ".aws", home / ".netrc"), (home / ".ssh" / "known_hosts",))
    script = "cat ../.ssh/key ../.ssh/known_hosts ../.aws/key ../.netrc; echo x > ../.ssh/new"
    assert inside(sandbox, Confinement((project,)), script).stdout == b"hosts "
    (home / ".netrc").write_text("later ")
    assert inside(sandbox, Confinement((home,)), "cat .ssh/key .ssh/known_hosts .netrc; mv .ssh x").stdout == b"hosts "
    assert inside(sandbox, Confinement((project, home / ".aws")), script).stdout == b"hosts secret "
    assert sorted(path.name for path in (home / ".ssh").iterdir()) == ["key", "known_hosts"]


def test_loop_of_links_in_place_of_a_hidden_file_stops_nothing(project: Path) -> None:
    (project / "loop").symlink_to("loop")
    within = Confinement((project, project / "loop"), read_only=(project / "loop",), hidden=(project / "loop",))
    assert inside(Bubblewrap(), within, "echo fine") == Ran(0, b"fine\n", b"")


def test_ways_to_the_machines_daemons_are_closed(project: Path) -> None:
    ran = inside(Bubblewrap(), Confinement((project,), network=True), "ls -A /run /var/run/; ls /dev; touch /run/x")
    run_, dev = ran.stdout.decode().split("\n/var/run/:")
    assert set(run_.removeprefix("/run:").split()) <= {"systemd", "NetworkManager", "media", "current-system"}
    assert {"null", "zero", "random", "full", "tty"} <= set(dev.split())
    assert not {name for name in dev.split() if name.startswith(("sd", "vd", "nvme", "mem", "kmsg", "kvm"))}


def test_socket_in_a_hidden_place_cannot_be_reached(home: Path, project: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(home / "agent.sock"))
        listening.listen()
        script = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('in')"
        command, within = python(project, script, str(home / "agent.sock")), Confinement((project,))
        assert run(Bubblewrap().wrap(command, within)).stdout == b"in\n"
        assert run(Bubblewrap((home / "agent.sock",)).wrap(command, within)).stdout == b""


# --- privileges, processes, the environment -------------------------------------------------------------------------


def test_command_has_no_privileges_and_gains_none(project: Path) -> None:
    ran = inside(Bubblewrap(), Confinement((project,)), "grep -E 'Cap(Prm|Eff|Amb)|NoNewPrivs' /proc/self/status")
    assert {line.split()[1].strip(b"0") for line in ran.stdout.splitlines()} == {b"", b"1"}
    script = """
        mount -o remount,rw / && echo mounted; umount /tmp && echo unmounted; mknod disk b 254 0 && echo made
    """
    assert inside(Bubblewrap(), Confinement((project,)), script).stdout == b""


def test_switches_of_the_machine_cannot_be_opened_for_writing(project: Path) -> None:
    """They are opened only, and nothing is written: a hole that this finds must not change the machine."""
    script = """
import os, sys
for top in sys.argv[1:]:
    for folder, _, files in os.walk(top):
        for name in files:
            try:
                os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                continue
            print(os.path.join(folder, name))
for name in ("/proc/sysrq-trigger", "/proc/mtrr"):
    if os.access(name, os.W_OK):
        print(name)
"""
    tops = (
        "/proc/sys/kernel",
        "/proc/sys/vm",
        "/proc/sys/fs",
        "/proc/irq",
        "/proc/bus",
        "/sys/kernel",
        "/sys/fs/cgroup",
    )
    for network in (False, True):
        within = Confinement((project,), network=network)
        assert run(Bubblewrap().wrap(python(project, script, *tops), within)) == Ran(0, b"", b"")


def test_only_the_project_and_what_is_its_own_is_mounted_writable(project: Path) -> None:
    ran = inside(Bubblewrap(), Confinement((project,)), "cat /proc/self/mountinfo")
    fields = [line.split() for line in ran.stdout.decode().splitlines()]
    writable = {line[4] for line in fields if "rw" in line[5].split(",")}
    own = {path for path in writable if path != "/dev" and not path.startswith("/dev/")}
    assert own == {str(project), "/tmp", "/var/tmp", "/proc"}


def test_namespaces_of_its_own_uncover_nothing(project: Path) -> None:
    (project / "token").write_text("secret")
    script = """
        unshare --user --map-root-user --mount sh -c '
            umount token; umount -l token; mount -o remount,bind,rw /; touch /made; cat token
            mount --bind / /mnt; cat /mnt$PWD/token'
        unshare --user --mount cat token
    """
    ran = inside(Bubblewrap(), Confinement((project,), hidden=(project / "token",)), script)
    assert b"secret" not in ran.stdout
    assert not Path("/made").exists()


def test_keys_of_the_server_are_in_no_environment(project: Path) -> None:
    os.environ["PROVIDER_API_KEY"] = "sk-of-the-server"
    try:
        script = (
            "cat /proc/*/environ /proc/*/task/*/environ /proc/1/environ | tr '\\0' '\\n'; ls -d /proc/[0-9]* | wc -l"
        )
        ran = inside(Bubblewrap(), Confinement((project,)), script)
    finally:
        del os.environ["PROVIDER_API_KEY"]
    lines = ran.stdout.decode().splitlines()
    assert {line.split("=")[0] for line in lines[:-1]} <= {"PATH", "PWD", "OLDPWD", "_", "SHLVL"}
    assert 2 <= int(lines[-1]) <= 6


def test_command_is_in_a_session_of_its_own_so_that_it_cannot_type_into_the_terminal(project: Path) -> None:
    """A session that began outside has the number 0 in the sandbox's own table of processes."""
    ran = inside(Bubblewrap(), Confinement((project,)), "cut -d' ' -f6 /proc/self/stat; echo x > /dev/tty")
    assert (int(ran.stdout) in (1, 2), ran.code != 0) == (True, True)


def test_program_in_the_commands_path_is_not_taken_for_bubblewrap(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "bwrap").write_text("#!/bin/sh\necho stolen\n")
    (project / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{project}:{os.environ['PATH']}")
    assert inside(Bubblewrap(), Confinement((project,)), "echo kept").stdout == b"kept\n"


# --- the network ----------------------------------------------------------------------------------------------------


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


_TRY_ALL = """
import socket, sys
def tried(name, what):
    try:
        what()
    except OSError:
        print(name, "closed")
    else:
        print(name, "open")
def abstract():
    socket.socket(socket.AF_UNIX).connect("\\0" + sys.argv[2])
tried("loopback", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5))
tried("abstract", abstract)
"""


@pytest.mark.parametrize(("network", "way"), [(False, "closed"), (True, "open")])
def test_server_on_the_machines_loopback_is_reached_only_with_the_network(
    project: Path, network: bool, way: str
) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Answers) as server, socket.socket(socket.AF_UNIX) as abstract:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        name = f"duragent-{os.getpid()}-{network}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        command = python(project, _TRY_ALL, str(server.server_port), name)
        ran = run(Bubblewrap().wrap(command, Confinement((project,), network=network)))
        server.shutdown()
    assert ran == Ran(0, f"loopback {way}\nabstract {way}\n".encode(), b"")


def test_names_and_addresses_outside_are_out_of_reach_without_the_network(project: Path) -> None:
    script = """
import socket
for what in (lambda: socket.getaddrinfo("example.com", 80),
             lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
             lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("2001:db8::1", 53))):
    try:
        what()
        print("sent")
    except OSError:
        pass
print(sorted(name for _, name in socket.if_nameindex() if name in ("lo", "eth0", "wlan0", "docker0")))
"""
    ran = run(Bubblewrap().wrap(python(project, script), Confinement((project,))))
    assert ran == Ran(0, b"['lo']\n", b"")


def test_own_loopback_works_without_the_network(project: Path) -> None:
    script = """
import socket
s = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(s.getsockname()); print("own")
"""
    assert run(Bubblewrap().wrap(python(project, script), Confinement((project,)))) == Ran(0, b"own\n", b"")


# --- the end --------------------------------------------------------------------------------------------------------


def test_command_ends_when_only_bubblewrap_is_killed(project: Path) -> None:
    # bubblewrap's first process inside ties itself to the outer one after it has started the command, and then waits.
    script = "until grep -q '^State:.S' /proc/1/status; do :; done; echo ready; sleep 300"
    with started(Bubblewrap().wrap(shell(project, script), Confinement((project,)))) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
        assert process.communicate(timeout=LIMIT_SECONDS)[0] == b""


def test_folder_that_is_not_there_is_an_error_not_another_folder(project: Path) -> None:
    command = shell(project / "gone", "echo ran > made")
    ran = run(Bubblewrap().wrap(command, Confinement((project,))))
    assert (ran.code, ran.stdout, b"gone" in ran.stderr) == (1, b"", True)


# --- what is wrong --------------------------------------------------------------------------------------------------


def test_problem_names_what_fails_and_is_tried_once(tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text(
        '#!/bin/sh\necho x >> "$0.runs"\necho "bwrap: Creating new namespace failed: weird" >&2; exit 1\n'
    )
    broken.chmod(0o755)
    sandbox = Bubblewrap(program=str(broken))
    said = sandbox.problem()
    assert said is not None
    assert "Creating new namespace failed: weird" in said
    assert sandbox.problem() == said
    assert (tmp_path / "bwrap.runs").read_text() == "x\n"


@pytest.mark.parametrize(
    ("said", "switches", "advice"),
    [
        ("bwrap: Unknown option --cap-drop", {}, "too old"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", {}, "systempaths=unconfined"),
        (
            "bwrap: No permissions to create new namespace",
            {"kernel.unprivileged_userns_clone": "0"},
            "sysctl kernel.unprivileged_userns_clone=1",
        ),
        (
            "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
            {"user.max_user_namespaces": "9000", "kernel.apparmor_restrict_unprivileged_userns": "1"},
            "AppArmor",
        ),
        ("bwrap: No permissions to create a new namespace", {"user.max_user_namespaces": "0"}, "max_user_namespaces="),
        ("bwrap: Creating new namespace failed: Operation not permitted", {}, "seccomp=unconfined"),
        ("", {}, "bwrap --ro-bind / / true"),
    ],
)
def test_advice_fits_what_bubblewrap_says(said: str, switches: dict[str, str], advice: str) -> None:
    trouble = explain(said, switches)
    assert advice in trouble.hint
    assert said in trouble.why


@needs_bubblewrap
@pytest.mark.parametrize("promise", [*PROMISES, *CONFINEMENTS])
def test_bubblewrap_keeps(promise: Promise) -> None:
    with odd_folder() as folder:
        promise(Bubblewrap(), folder)

"""Linux namespaces by bubblewrap: everything is read-only but the writable folders, secrets are covered.

A command sees the machine as it is, with its session's /tmp, its own /dev and /proc, a home that is empty but for tools
(`home`), and an empty /run, where the sockets of docker, systemd, dbus and key agents lie. It has no capabilities,
cannot gain privileges, cannot see other processes or their environment, and without the network not even the machine's
own loopback.

What does not hold:
- It can read files outside of home folders that the server's user can read, unless they are in a list of hidden ones.
- A hidden *file* that is replaced from outside while a command runs is seen by that command; a hidden folder is not.
- A hard link that was made in a writable folder before leads to the same file.
- With the network on, abstract sockets (some X servers) can be reached.
- SIGTERM ends the command at once: it has no time to clean up. A command that died of a signal is seen as 128 + signal.
- A program that does not exist is bubblewrap's error: exit code 1, with its words.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from duragent.sandboxes.base import Command, Confinement
from duragent.sandboxes.home import NOTHING_HIDDEN, HiddenHome
from duragent.sandboxes.layout import ROOT, Access, Layer, access_to, existing, in_words, layers, on_disk
from duragent.sandboxes.trial import Trouble, said_by, trial

# The system's own folders come first: a PATH may begin with a project's folder, where a command can put a `bwrap`.
_SYSTEM_PATH = "/usr/bin:/usr/local/bin:/bin:/run/wrappers/bin:/run/current-system/sw/bin"
_TMP = Path("/tmp")
_PRIVATE = (_TMP, Path("/var/tmp"))
_RUN = (Path("/run"), Path("/var/run"))
_KEPT_OF_RUN = (Path("/run/current-system"), Path("/run/opengl-driver"), Path("/run/media"), Path("/etc/resolv.conf"))
# Parts of /proc that uid 0 may write without any capability, and that are the whole machine's: bubblewrap's own cover
# leaves /proc/sys out for root.
_MACHINE_WIDE = tuple(
    f"/proc/{name}"
    for name in ("acpi", "asound", "bus", "driver", "fs", "irq", "mtrr", "pressure", "scsi", "sys", "sysrq-trigger")
)
_ISOLATION = (
    "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "sandbox",
    "--die-with-parent", "--new-session", "--cap-drop", "ALL",
)  # fmt: skip


class Bubblewrap:
    """`secret` paths are hidden by default; `visible` ones of them may be read all the same. What a confinement says of
    the very same path wins over both. Whether they exist is looked up for each command. `program` is bubblewrap; None:
    the one that is installed, "": there is none."""

    name = "bubblewrap"

    def __init__(
        self,
        secret: tuple[Path, ...] = (),
        visible: tuple[Path, ...] = (),
        program: str | None = None,
        home: HiddenHome = NOTHING_HIDDEN,
    ) -> None:
        self._secret, self._visible, self._home = secret, visible, home
        self._program = _installed() if program is None else program

    def wrap(self, command: Command, within: Confinement) -> Command:
        real = on_disk(within)
        opened = self._home.readable(real)
        mounts = layers(self._base(opened), real)
        links = self._home.links((*opened, *self._visible, *within.writable, *within.read_only))
        folder = os.path.realpath(command.folder)
        size = command.limits.memory_bytes
        size = size if size is not None and self._knows_size else None
        kept = {Path(os.path.realpath(_TMP)): real.temporary} if real.temporary else {}
        argv = [self._program or "bwrap", *mount_arguments(mounts, size, links, kept), *_ISOLATION]
        argv += [] if within.network else ["--unshare-net"]
        argv += ["--chdir", folder, "--", *command.argv]
        return replace(command, argv=tuple(argv), folder=ROOT, env=_with_temporary_folder(command.env, mounts))

    def describe(self, within: Confinement) -> str:
        return in_words(self.name, within, network=within.network)

    def problem(self) -> str | None:
        return str(self.trouble) if self.trouble else None

    @cached_property
    def trouble(self) -> Trouble | None:
        """What `problem` says, in two parts."""
        if not sys.platform.startswith("linux"):
            return Trouble("bubblewrap needs Linux", "use `docker` or `trust`")
        if not self._program:
            hint = "apt install bubblewrap (or: dnf install bubblewrap, pacman -S bubblewrap, apk add bubblewrap)"
            return Trouble("bubblewrap is not installed", hint)
        attempt = Command(("/bin/sh", "-c", ":"), ROOT, {"PATH": _SYSTEM_PATH})
        trouble = trial(self.wrap(attempt, Confinement(writable=())), lambda said: explain(said, _kernel_switches()))
        if trouble is None:
            # Asked now, because `wrap` starts nothing.
            _ = self._knows_size
        return trouble

    @cached_property
    def _knows_size(self) -> bool:
        """Since 0.7.0. Without it a file system in memory holds half of the machine's, as the kernel has it."""
        return "--size" in said_by((self._program or "bwrap", "--help"))

    def _base(self, opened: tuple[Path, ...]) -> dict[Path, Access]:
        base: dict[Path, Access] = {ROOT: "read"}
        base.update((path, "hide") for path in existing(self._home.hidden))
        base.update((path, "private") for path in existing(self._home.homes))
        base.update((path, "read") for path in existing(opened))
        base.update((path, "hide") for path in existing((*_RUN, *self._secret)))
        base.update((path, "private") for path in existing(_PRIVATE))
        base.update((path, "read") for path in existing((*_KEPT_OF_RUN, *self._visible)))
        return base


def _installed() -> str | None:
    return shutil.which("bwrap", path=_SYSTEM_PATH) or shutil.which("bwrap")


def mount_arguments(
    mounts: list[Layer],
    private_bytes: int | None = None,
    links: Mapping[Path, Path] = MappingProxyType({}),
    kept: Mapping[Path, Path] = MappingProxyType({}),
) -> list[str]:
    """bubblewrap's options for them. Every path is absolute, so that none can be taken for an option.

    `private_bytes` is the most that a private folder can hold; it lies in memory. `links` are made again where an empty
    folder covers them. `kept` says which folder outside holds what is written to a private one.
    """
    private = ["--tmpfs"] if private_bytes is None else ["--size", str(private_bytes), "--tmpfs"]
    arguments: list[str] = []
    sealed = ["--remount-ro", "/dev"]
    for layer in mounts:
        path = str(layer.path)
        match layer.access:
            case "read":
                arguments += ["--ro-bind", path, path]
            case "write":
                arguments += ["--bind", path, path]
            case "private" if layer.path in kept:
                arguments += ["--bind", str(kept[layer.path]), path]
            case "private":
                arguments += [*private, path]
            case "hide" if os.path.isdir(path):
                arguments += ["--tmpfs", path]
                sealed += ["--remount-ro", path]
            case "hide":
                # Reads as empty: most programs take that for "not configured", and fail when they may not read at all.
                arguments += ["--dev-bind", "/dev/null", path]
        if layer.path == ROOT:
            arguments += ["--dev", "/dev", *private, "/dev/shm", "--proc", "/proc"]
            arguments += [part for name in _MACHINE_WIDE for part in ("--ro-bind-try", name, name)]
    for link, real in sorted(links.items()):
        if access_to(link.parent, mounts) in ("private", "hide"):
            arguments += ["--symlink", str(real), str(link)]
    # Sealed last: until then the folders that other mounts need in them must be made.
    return arguments + sealed


def _with_temporary_folder(env: Mapping[str, str], mounts: list[Layer]) -> dict[str, str]:
    """TMPDIR must be writable inside; where it would not be, the private /tmp is."""
    folder = env.get("TMPDIR")
    if folder is None or access_to(Path(os.path.realpath(folder)), mounts) == "write":
        return dict(env)
    return {**env, "TMPDIR": "/tmp"}


# --- what is wrong --------------------------------------------------------------------------------------------------

_SWITCHES = {
    "kernel.unprivileged_userns_clone": "0",
    "user.max_user_namespaces": "0",
    "kernel.apparmor_restrict_unprivileged_userns": "1",
}
_ADVICE = {
    "kernel.unprivileged_userns_clone": "user namespaces are switched off: sudo sysctl "
    "kernel.unprivileged_userns_clone=1",
    "user.max_user_namespaces": "user namespaces are switched off: sudo sysctl user.max_user_namespaces=15000",
    "kernel.apparmor_restrict_unprivileged_userns": "AppArmor restricts user namespaces (Ubuntu 23.10 and later): "
    "install an AppArmor profile for /usr/bin/bwrap with `userns,` in it, or: sudo sysctl "
    "kernel.apparmor_restrict_unprivileged_userns=0",
}


def explain(said: str, switches: Mapping[str, str]) -> Trouble:
    """What is behind bubblewrap's words. `switches` are the kernel's settings that are there, by name."""
    why = f"bubblewrap does not work here ({said or 'it says nothing'})"
    if "nknown option" in said:
        return Trouble(why, "it is too old; version 0.4 or newer is needed")
    if "mount proc" in said:
        hint = "a container that hides parts of /proc is around us; start it with --security-opt systempaths=unconfined"
        return Trouble(why, hint)
    for name, off in _SWITCHES.items():
        if switches.get(name) == off:
            return Trouble(why, _ADVICE[name])
    if "ermission" in said or "ot permitted" in said:
        options = "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
        return Trouble(why, f"user namespaces are refused; a container around us needs {options}")
    return Trouble(why, "try: bwrap --ro-bind / / true")


def _kernel_switches() -> dict[str, str]:
    switches = {}
    for name in _SWITCHES:
        try:
            switches[name] = Path("/proc/sys", name.replace(".", "/")).read_text().strip()
        except OSError:
            continue
    return switches

"""A container for each command, by docker's command line: it sees its image and the folders, and nothing else.

The folders have the same paths inside. The environment inside is the image's, with what the command's environment adds
beyond places on this machine (PATH, HOME and the like are the image's own).

What does not hold:
- SIGTERM is passed on to the command. SIGKILL ends docker's client only: a command that ignored SIGTERM runs on in its
  container until it ends by itself. Such containers bear the label `duragent.sandbox`.
- docker's own errors have the exit codes 125 (docker), 126 (cannot be run) and 127 (no such program).
- The engine holds the limits and does not say so: memory and CPU time end the command with the exit code 137, processes
  make a fork fail. The limit of CPU time is for each process, not for all together.
- Who may talk to docker's engine is root on this machine; the command in the container may not.
"""

import csv
import io
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from hashlib import sha256

from duragent.sandboxes.base import Command, CommandLimits, Confinement
from duragent.sandboxes.environment import ALLOWED
from duragent.sandboxes.layout import ROOT, Layer, in_words, layers, on_disk
from duragent.sandboxes.trial import Trouble, trial

LABEL = "duragent.sandbox"
_CLIENT_NAMES = frozenset(("PATH", "HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK"))
_LOCALE = frozenset(name for name in ALLOWED if name.startswith(("LANG", "LC_"))) | {"TZ", "TERM", "NO_COLOR", "CI"}
_OF_THIS_MACHINE = (ALLOWED - _LOCALE) | {"HOSTNAME"}


class Docker:
    """`image` must be there already: nothing is pulled. `environ` is the server's, from which docker's client gets what
    it needs to find its engine; it does not reach the container."""

    name = "docker"

    def __init__(self, image: str | None, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._image = image
        self._client_env = {
            name: value for name, value in environ.items() if name in _CLIENT_NAMES or name.startswith("DOCKER_")
        }
        self._program = shutil.which("docker", path=environ.get("PATH"))

    def wrap(self, command: Command, within: Confinement) -> Command:
        folder = os.path.realpath(command.folder)
        inside = {name: value for name, value in command.env.items() if name not in _OF_THIS_MACHINE}
        argv = [self._program or "docker", "run", "--rm", "--interactive", "--init", "--pull", "never"]
        argv += ["--log-driver", "none", "--label", f"{LABEL}={label_of(command)}"]
        argv += ["--network", "bridge" if within.network else "none"]
        argv += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", f"{os.getuid()}:{os.getgid()}"]
        argv += limit_options(command.limits)
        argv += [part for layer in layers({ROOT: "hide"}, on_disk(within)) for part in mount_option(layer)]
        # Only the names: the values travel in the client's environment, which no process list shows.
        argv += [part for name in sorted(inside) for part in ("--env", name)]
        argv += ["--workdir", folder, "--entrypoint", "", "--", self._image or "", *command.argv]
        env = {**inside, **self._client_env}
        # docker's client is not what the limits are for: its engine holds them for the container.
        return replace(command, argv=tuple(argv), folder=ROOT, env=env, limits=CommandLimits())

    def describe(self, within: Confinement) -> str:
        return in_words(f"docker ({self._image})", within, network=within.network)

    def problem(self) -> str | None:
        return str(self.trouble) if self.trouble else None

    @cached_property
    def trouble(self) -> Trouble | None:
        """What `problem` says, in two parts."""
        if self._program is None:
            return Trouble("docker is not installed", "see https://docs.docker.com/engine/install/")
        if not self._image:
            return Trouble("no image is named", "set `sandbox.docker_image` in duragent.yaml")
        attempt = Command(("sh", "-c", ":"), ROOT)
        return trial(self.wrap(attempt, Confinement(writable=())), lambda said: explain(said, self._image or ""))


def label_of(command: Command) -> str:
    """The same for the same command, and says nothing about it."""
    return sha256("\0".join((str(command.folder), *command.argv)).encode(errors="surrogateescape")).hexdigest()[:16]


def limit_options(limits: CommandLimits) -> list[str]:
    """docker's options for them. Without `--memory-swap` as much swap could be used again."""
    options = [] if limits.processes is None else ["--pids-limit", str(limits.processes)]
    if limits.memory_bytes is not None:
        options += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    # docker's engine has the right to set these, whatever holds for us. CPU time is counted for each process there.
    ulimits = {"fsize": limits.file_bytes, "nofile": limits.open_files, "cpu": limits.cpu_seconds}
    return options + [
        part for name, most in ulimits.items() if most is not None for part in ("--ulimit", f"{name}={most}")
    ]


def mount_option(layer: Layer) -> list[str]:
    """docker's option for one mount; the image's own "/" needs none."""
    path = str(layer.path)
    if layer.path == ROOT and layer.access == "hide":
        return []
    match layer.access:
        case "write":
            fields = ["type=bind", f"source={path}", f"target={path}"]
        case "read":
            fields = ["type=bind", f"source={path}", f"target={path}", "readonly"]
        case "private":
            fields = ["type=tmpfs", f"target={path}"]
        case "hide" if os.path.isdir(path):
            fields = ["type=tmpfs", f"target={path}", "tmpfs-mode=0555"]
        case "hide":
            fields = ["type=bind", "source=/dev/null", f"target={path}", "readonly"]
    return ["--mount", _csv(fields)]


def _csv(fields: Iterable[str]) -> str:
    """One CSV record, as docker parses the value: paths may hold commas, quotes and newlines."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def explain(said: str, image: str) -> Trouble:
    """What is behind docker's words."""
    why = f"docker does not work here ({said or 'it says nothing'})"
    if "Cannot connect" in said or "daemon running" in said:
        return Trouble("docker's engine does not answer", "start it: sudo systemctl start docker")
    if "permission denied" in said and "socket" in said:
        return Trouble("you may not use docker's engine", "sudo usermod -aG docker $USER, then log in anew")
    if "No such image" in said or "not found locally" in said or "pull access" in said:
        return Trouble(f"the image {image} is not here", f"docker pull {image}")
    return Trouble(why, f"try: docker run --rm {image} true")

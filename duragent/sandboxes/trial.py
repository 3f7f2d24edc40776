"""Try a sandbox once, and say in words what is wrong with it."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from duragent.sandboxes.base import Command

TRIAL_SECONDS = 5.0
_SAID_MAX = 300


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a sandbox does not work here, and what to do about it."""

    why: str
    hint: str

    def __str__(self) -> str:
        return f"{self.why}: {self.hint}" if self.hint else self.why


def trial(command: Command, explain: Callable[[str], Trouble], seconds: float = TRIAL_SECONDS) -> Trouble | None:
    """Run it; None when it succeeds, else what `explain` makes of its standard error."""
    try:
        done = subprocess.run(
            command.argv, cwd=command.folder, env=dict(command.env), input=command.stdin, capture_output=True,
            timeout=seconds, start_new_session=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Trouble(f"{command.argv[0]} gave no answer in {seconds:g} seconds", "try it by hand")
    except OSError as error:
        return Trouble(f"{command.argv[0]} could not be started: {error.strerror}", "")
    if done.returncode == 0:
        return None
    return explain(done.stderr.decode(errors="replace").strip()[-_SAID_MAX:])


def said_by(argv: tuple[str, ...]) -> str:
    """What a program prints, such as its help; "" when it cannot be started."""
    try:
        done = subprocess.run(argv, capture_output=True, timeout=TRIAL_SECONDS, stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).decode(errors="replace")

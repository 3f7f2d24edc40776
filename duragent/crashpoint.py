"""Named places where a test makes the process die, stop or fail. Costs nothing unless `DURAGENT_CRASHPOINT` is set.

`DURAGENT_CRASHPOINT=name:nth[:kill|stop|raise]` acts at the nth time (from 1) that the name is passed; the default is
`kill`, which is SIGKILL to the own process. `tests/` lists the names that exist by searching for `crashpoint("`.
"""

import os
import signal
from collections.abc import Callable

_PLAN = os.environ.get("DURAGENT_CRASHPOINT", "")
_passed: dict[str, int] = {}


class CrashPointReached(BaseException):
    """Raised by a crash point with the action `raise`; no `except Exception` may swallow it."""


def crashpoint(name: str) -> None:
    if _on_pass is not None:
        _on_pass(name)


def arm(on_pass: Callable[[str], None]) -> None:
    """Call `on_pass` with the name of each place that this process passes from now on, in place of the plan."""
    global _on_pass
    _on_pass = on_pass


def _follow_the_plan(name: str) -> None:
    planned, _, rest = _PLAN.partition(":")
    if planned != name:
        return
    nth, _, action = rest.partition(":")
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] != int(nth or 1):
        return
    if action == "raise":
        raise CrashPointReached(name)
    os.kill(os.getpid(), signal.SIGSTOP if action == "stop" else signal.SIGKILL)


_on_pass: Callable[[str], None] | None = _follow_the_plan if _PLAN else None

"""More than fits on the screen: through the person's pager, as git does it; where there is none, it is printed."""

import os
import shutil
import signal
from collections.abc import Iterable, Mapping

import typer

from duragent.cli.interrupts import on_interrupt
from duragent.cli.view import on_terminal

ENVIRONMENT = {"LESS": "FRX"}
"""For a pager: less ends by itself where all fits on the screen, shows colours, and leaves the text in sight."""


def command(environ: Mapping[str, str]) -> str:
    """The person's pager, which may have options; "" where there is none, or none that the terminal can do with."""
    if environ.get("TERM") == "dumb":
        return ""
    usual = "less" if shutil.which("less", path=environ.get("PATH")) else ""
    return environ.get("DURAGENT_PAGER") or environ.get("PAGER") or usual


def page(lines: Iterable[str], *, pager: bool = True) -> None:
    """The lines through the pager: only on a terminal, and only when they do not fit on the screen."""
    with_pager = command(os.environ) if pager and on_terminal() else ""
    if not with_pager:
        for line in lines:
            typer.echo(line)
        return
    import subprocess

    # A shell, because PAGER may hold options; it is the person's own variable.
    process = subprocess.Popen(with_pager, shell=True, stdin=subprocess.PIPE, env={**ENVIRONMENT, **os.environ})
    # Ctrl-C is for the pager, which has the terminal until it ends.
    with on_interrupt(signal.SIG_IGN):
        try:
            if process.stdin is not None:
                for line in lines:
                    process.stdin.write(line.encode("utf-8", "replace") + b"\n")
                process.stdin.close()
        except BrokenPipeError:
            pass  # the person has seen enough
        finally:
            process.wait()

"""Which threads prepare commands."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from duragent.sandboxes.base import Command
from duragent.testing.tool_context import context_in
from duragent.tools.base import ToolContext


def watched_context(folder: Path) -> tuple[ToolContext, list[int]]:
    """A context in `folder`, and the growing list of the threads in which it made a command."""
    context = context_in(folder)
    threads: list[int] = []

    def confined(
        argv: Sequence[str], *, folder: Path | None = None, env: Mapping[str, str] | None = None, stdin: bytes = b""
    ) -> Command:
        threads.append(threading.get_ident())
        return context.confined(argv, folder=folder, env=env, stdin=stdin)

    return replace(context, confined=confined), threads

"""A command that ran in this process, and what it printed."""

import io
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Command = Callable[..., Ran]


def stdin_of(data: bytes = b"") -> io.TextIOWrapper:
    """What a command in a pipe reads; pytest's own stand-in must not be read."""
    return io.TextIOWrapper(io.BytesIO(data))


TOOLS = (
    "       tools: bash (unsafe), read_file (pure), write_file (idempotent), edit_file (unsafe), list_files (pure), "
    "search_files (pure), web (pure), session (pure), think (pure), reload_tools (pure), "
    "read_output (pure)\n"
)
"""What `agent check` says of the tools of the first agent."""

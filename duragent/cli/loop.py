"""The event loop of a command."""

from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


def run(work: Coroutine[Any, Any, R]) -> R:
    """`asyncio.run`, which itself takes as long to import as all that `--help` needs."""
    import asyncio

    return asyncio.run(work)

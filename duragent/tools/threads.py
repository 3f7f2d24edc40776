"""Blocking file work of a tool: in a thread that learns when its call was cancelled, with failures as results."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from duragent.tools.base import ToolResult, failed
from duragent.tools.files.paths import PathRefused, one_line

Stop = threading.Event
"""Set when the call was cancelled: long loops look at it."""

T = TypeVar("T")

_POOL = ThreadPoolExecutor(16, thread_name_prefix="duragent-tools")
"""Not asyncio's own: a tool that hangs on a dead disk must not take the threads that policy and spool need."""


async def in_pool(work: Callable[[], T]) -> T:
    """What `work` returns or raises, in a thread of the tools."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)


async def in_thread(path: str, work: Callable[[Stop], ToolResult]) -> ToolResult:
    """What `work` returns; a path that is refused and a file that cannot be used become a result that says why."""
    stop = Stop()
    try:
        return await or_path_fault(path, asyncio.get_running_loop().run_in_executor(_POOL, work, stop))
    finally:
        stop.set()


async def or_path_fault(path: str, work: Awaitable[ToolResult]) -> ToolResult:
    """What `work` returns; when the path cannot be used, a failed result that says why."""
    try:
        return await work
    except PathRefused as error:
        return failed(str(error))
    except FileNotFoundError:
        return failed(f"{one_line(path)} does not exist")
    except OSError as error:
        return failed(f"{one_line(path)}: {error.strerror or error}")

"""Blocking file work of a tool: in a thread that is told when nobody waits any more, with failures as results."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from duragent.tools.base import ToolResult, failed
from duragent.tools.files.paths import PathRefused, one_line

Stop = threading.Event
"""Set when the call was cancelled: long loops look at it."""

_POOL = ThreadPoolExecutor(16, thread_name_prefix="duragent-tools")
"""Not asyncio's own: a tool that hangs on a dead disk must not take the threads that policy and spool need."""


async def in_thread(path: str, work: Callable[[Stop], ToolResult]) -> ToolResult:
    """What `work` returns; a path that is refused and a file that cannot be used become a result that says why."""
    stop = Stop()
    try:
        return await told(path, asyncio.get_running_loop().run_in_executor(_POOL, work, stop))
    finally:
        stop.set()


async def told(path: str, work: Awaitable[ToolResult]) -> ToolResult:
    """What `work` returns, or why the path that the model wrote cannot be used, as a sentence for the model."""
    try:
        return await work
    except PathRefused as error:
        return failed(str(error))
    except FileNotFoundError:
        return failed(f"{one_line(path)} does not exist")
    except OSError as error:
        return failed(f"{one_line(path)}: {error.strerror or error}")

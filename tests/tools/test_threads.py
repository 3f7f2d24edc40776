"""Blocking file work of tools."""

import asyncio
import errno
import threading

import pytest

from duragent.tools.base import ToolResult
from duragent.tools.files.paths import PathRefused
from duragent.tools.threads import Stop, in_thread


@pytest.mark.parametrize(
    ("error", "content"),
    [
        (PathRefused("a.txt is private"), "a.txt is private"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "a.txt does not exist"),
        (PermissionError(errno.EACCES, "Permission denied"), "a.txt: Permission denied"),
        (OSError("odd"), "a.txt: odd"),
    ],
)
async def test_file_that_cannot_be_used_is_a_result_that_says_why(error: Exception, content: str) -> None:
    def work(stop: Stop) -> ToolResult:
        raise error

    assert await in_thread("a.txt", work) == ToolResult(content, "error")


async def test_work_is_done_in_another_thread_and_a_cancel_stops_it() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work(stop: Stop) -> ToolResult:
        assert threading.current_thread() is not threading.main_thread()
        begun.set()
        assert stop.wait(60)
        ended.set()
        return ToolResult("stopped")

    running = asyncio.ensure_future(in_thread("a.txt", work))
    assert await asyncio.to_thread(begun.wait, 60)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await asyncio.to_thread(ended.wait, 60)

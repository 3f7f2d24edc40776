"""Wait for the end of a process."""

import asyncio
import os

from duragent.process import folder as files


class ExitWatch:
    """Wait for the end of any process, not only of a child, by a notification of the kernel instead of polling.

    Where the kernel has none, each `wait` checks once when its time is over. Use it as a context manager.
    """

    def __init__(self, pid: int, started: int | None, *, ours: bool = False) -> None:
        """`started` as in `runner.Process`; `ours`: it is our own child and not yet reaped, thus surely that one."""
        self._pid, self._started, self._ours = pid, started, ours
        self._told = asyncio.Event()
        self._fd = -1

    def __enter__(self) -> "ExitWatch":
        try:
            self._fd = os.pidfd_open(self._pid)
        except ProcessLookupError:
            self._told.set()
        except (OSError, AttributeError):
            return self  # No such thing here; `wait` looks.
        if self._fd >= 0:
            asyncio.get_running_loop().add_reader(self._fd, self._tell)
        if not self._ours and not files.is_running(self._pid, self._started):
            self._told.set()
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    async def wait(self, seconds: float) -> bool:
        """Whether it has ended; comes back early when it ends."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            if self._fd < 0 and not files.is_running(self._pid, self._started):
                self._told.set()
        return self._told.is_set()

    def _tell(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        self._told.set()

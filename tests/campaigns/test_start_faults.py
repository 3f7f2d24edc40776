"""Each call of the kernel that changes the workspace during a start fails: the server serves all the same, or ends with
one sentence that says why.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duragent.cli.place import config_of
from duragent.errors import DuragentError
from duragent.runtime import Runtime
from duragent.server.settings import ServerSettings
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import write_agent

ERRORS = (errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES)
CHANGING = ("open", "mkdir", "rename", "replace", "unlink", "fsync", "fdatasync", "pwrite", "ftruncate", "write")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class _Faults:
    """The calls from the `first` on fail; `count` says how many there were. Only of what lies below `root`."""

    def __init__(self, root: Path, first: int, error: int) -> None:
        self.count = 0
        self._root, self._first, self._error = os.fspath(root), first, error

    def rule(self, patch: pytest.MonkeyPatch) -> None:
        for name in CHANGING:
            patch.setattr(os, name, self._failing(name, getattr(os, name)))

    def _failing(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(what: Any, *args: Any, **options: Any) -> Any:
            if self._counts(name, what, args):
                self.count += 1
                if self.count >= self._first:
                    raise OSError(self._error, os.strerror(self._error), str(what))
            return real(what, *args, **options)

        return call

    def _counts(self, name: str, what: Any, args: tuple[Any, ...]) -> bool:
        if name == "open" and not (args and args[0] & _WRITING):
            return False
        path = f"/proc/self/fd/{what}" if isinstance(what, int) else what
        return os.path.realpath(path).startswith(self._root)


async def _start(workspace: Path) -> str:
    """ "" when it serves, else the sentence."""
    runtime = Runtime(config_of(workspace), ServerSettings(port=0), workspace / "agents")
    try:
        async with asyncio.timeout(LIMIT_SECONDS), runtime.open():
            assert (await runtime.sessions.list())[0] == []
            runtime.begin_stop()
    except DuragentError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("turn", [0, *(pytest.param(turn, marks=pytest.mark.campaign) for turn in (1, 2, 3))])
def test_start_serves_or_says_why_from_whichever_call_on_the_disk_refuses(tmp_path: Path, turn: int) -> None:
    """The errors in turn, each at another call; all turns together try each error at each call."""
    first, count = 0, 0
    while first <= count:
        first += 1
        error = ERRORS[(first + turn) % len(ERRORS)]
        workspace = tmp_path / str(first) / ".duragent"
        write_agent(workspace / "agents")
        with pytest.MonkeyPatch.context() as patch:
            faults = _Faults(workspace, first, error)
            faults.rule(patch)
            said = asyncio.run(_start(workspace))
        count = faults.count
        assert not said or os.strerror(error) in said, (first, said)
        if first % 5 == 1:
            # And then it starts.
            assert asyncio.run(_start(workspace)) == "", first
    assert first > 5

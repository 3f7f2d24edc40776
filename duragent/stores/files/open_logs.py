"""Which logs keep their files open: those that were used last.

The law: only a log that no call uses at that moment is let go of, and it is opened again when it is used.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class OpenLogs(Generic[_T]):
    """At most `most()` by the folders of their streams, but for those that are in use.

    The bound may change while the server runs.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._open: dict[str, _T] = {}

    def used(self, folder: str, log: _T) -> None:
        """It is open, and was used last."""
        self._open.pop(folder, None)
        self._open[folder] = log

    def closed(self, folder: str) -> None:
        self._open.pop(folder, None)

    def take_surplus(self, is_idle: Callable[[_T], bool]) -> list[_T]:
        """Those to close now, the least recently used first; they no longer count as open."""
        surplus = len(self._open) - self._most()
        if surplus <= 0:
            return []
        # A copy: a log may be closed by another thread meanwhile.
        names = [name for name, log in list(self._open.items()) if is_idle(log)][:surplus]
        taken = [self._open.pop(name, None) for name in names]
        return [log for log in taken if log is not None]

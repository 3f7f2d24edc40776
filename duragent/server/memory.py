"""How much address space the server takes."""

import contextlib
import ctypes
import sys

_M_ARENA_MAX = -8
_ARENAS = 2


def take_few_arenas() -> None:
    """glibc reserves 64 MiB of address space for each thread that allocates (mallopt(3), M_ARENA_MAX): let them share.

    The threads of this process wait for the disk, or hold the interpreter's lock, so they gain nothing by it, and where
    address space is limited no new thread could be started.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)

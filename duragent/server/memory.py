"""How much address space the server takes, and what of its memory is searched for garbage."""

import contextlib
import ctypes
import gc
import sys

_M_ARENA_MAX = -8
_ARENAS = 2
_USUAL_THRESHOLD = (700, 10, 10)


def take_few_arenas() -> None:
    """glibc reserves 64 MiB of address space for each thread that allocates (mallopt(3), M_ARENA_MAX): let them share.

    The threads of this process wait for the disk, or hold the interpreter's lock, so they gain nothing by it, and where
    address space is limited no new thread could be started.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def keep_what_is_loaded() -> None:
    """What is in memory now, nearly all of it code, is not searched for garbage any more; what comes is, as usual."""
    gc.freeze()
    gc.set_threshold(*_USUAL_THRESHOLD)

"""How much address space the server takes, and what of its memory is searched for garbage."""

import contextlib
import ctypes
import gc
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 2
_LARGE_BYTES = 1 << 20
"""A block of this size goes back to the system when it is freed."""
_USUAL_THRESHOLD = (700, 10, 10)


def hold_little() -> None:
    """Let glibc take less address space, and give back more of it (mallopt(3)).

    It reserves 64 MiB for each thread that allocates. The threads of this process wait for the disk, or hold the
    interpreter's lock, so they gain nothing by it, and where address space is limited no new thread could be started.

    After the first large block it keeps larger and larger ones for the next time. Here they come once: the saved list
    of sessions, a file in a message.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_ARENA_MAX, _ARENAS)
            mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
            mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_BYTES)


def keep_what_is_loaded() -> None:
    """What is in memory now, nearly all of it code, is not searched for garbage any more; what comes is, as usual."""
    gc.freeze()
    gc.set_threshold(*_USUAL_THRESHOLD)

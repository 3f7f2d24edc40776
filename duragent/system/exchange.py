"""Two files that change names in one step: what was replaced can be looked at afterwards, whatever came in between."""

import errno
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM})


def exchange(one: Path, other: Path) -> bool:
    """Whether they have each other's names now. False where the system or the file system cannot do it.

    Raises OSError as the kernel says, such as FileNotFoundError when one of them is gone.
    """
    call, get_errno = _renameat2()
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


@lru_cache(maxsize=1)
def _renameat2() -> tuple[Any, Any]:
    """The function of the C library, None where it has none (renameat2(2)), and what tells its error."""
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call, ctypes.get_errno

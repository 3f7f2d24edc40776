"""What the operating system says of a failed call, in words that a person can act on."""

import errno

from duragent.system.descriptors import limit

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
"""These say nothing of the file: this process, or this machine, lacks something that it gets back later."""


REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
"""The place accepts no writes for now; what is there can be read."""


def in_words(error: OSError) -> str:
    """The reason and what to do about it, without the file's name."""
    reason = error.strerror or str(error) or type(error).__name__
    match error.errno:
        case errno.EMFILE:
            return f"{reason} (this process may open {limit():,}: raise `ulimit -n`, or `LimitNOFILE=` of its service)"
        case errno.ENFILE:
            return f"{reason} (the machine has no more file descriptors)"
        case errno.EROFS:
            return f"{reason} (mount it read-write)"
        case errno.ENOSPC | errno.EDQUOT:
            return f"{reason} (make room)"
        case _:
            return reason


def is_full(error: OSError) -> bool:
    """There is no room on the disk, or in this user's part of it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_refusal(error: OSError) -> bool:
    return error.errno in REFUSALS


def is_shortage(error: OSError) -> bool:
    return error.errno in SHORTAGES

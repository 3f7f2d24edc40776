"""The end of the process, also when something never returns: a thread that waits for a disk, the interpreter's exit."""

import asyncio
import logging
import os
import threading

AFTER_GRACE_SECONDS = 4.7
_log = logging.getLogger("duragent")


async def end_for_sure(
    stop: asyncio.Event, grace_seconds: float, after_grace_seconds: float = AFTER_GRACE_SECONDS
) -> None:
    """When `stop` is set: end this process so long after the grace, if it has not ended by then."""
    await stop.wait()
    timer = threading.Timer(grace_seconds + after_grace_seconds, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    _log.warning("something still hangs: ending all the same; turns go on at the next start")
    logging.shutdown()
    # The kernel releases the locks, when nothing can be written any more.
    os._exit(0)

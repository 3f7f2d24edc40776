"""No thread can be had: who asked is told so, and nothing runs behind their back."""

import threading

import pytest

from duragent.errors import Unavailable
from duragent.stores.files.threads import Threads


async def test_call_that_no_thread_can_take_is_refused_and_never_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    threads = Threads()

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(Unavailable, match="no thread can be started"):
            await threads.run(lambda: ran.append(1))
    # Now there is one, and it takes what waits.
    await threads.run(lambda: ran.append(2))
    assert ran == [2]
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        # The one that is there takes it.
        await threads.run(lambda: ran.append(3))
    assert ran == [2, 3]
    assert threads.close(5)

"""Tasks that outlive their caller, end with the server, or may fail."""

import asyncio

import pytest

from duragent.errors import NothingToDo, Stopping, Unavailable
from duragent.session.tasks import StoppableTasks, TaskSet, best_effort, bounded


class Work:
    """Runs until `gate` is set."""

    def __init__(self) -> None:
        self.gate, self.ended, self.cancelled = asyncio.Event(), False, False

    async def run(self) -> None:
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.ended = True


async def _cancelled(task: "asyncio.Future[None]") -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))


async def test_work_goes_on_when_its_caller_is_cancelled() -> None:
    work = Work()
    caller = asyncio.ensure_future(StoppableTasks().do(work.run()))
    await _cancelled(caller)
    assert caller.cancelled()
    work.gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.ended


async def test_stop_ends_the_work_and_its_caller_gets_stopping() -> None:
    tasks, work = StoppableTasks(), Work()
    caller = asyncio.ensure_future(tasks.do(work.run()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await tasks.stop()
    assert work.cancelled
    with pytest.raises(Stopping):
        await caller


async def test_error_of_the_work_reaches_the_caller() -> None:
    async def fail() -> None:
        raise NothingToDo("no")

    with pytest.raises(NothingToDo):
        await StoppableTasks().do(fail())


@pytest.mark.parametrize(("error", "raised"), [(Unavailable("x"), False), (OSError("x"), False), (KeyError("x"), True)])
async def test_best_effort_logs_what_may_fail_and_raises_the_unexpected(
    error: Exception, raised: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise error

    if raised:
        with pytest.raises(KeyError):
            await best_effort(fail())
    else:
        await best_effort(fail())
        assert caplog.records[0].getMessage() == "housekeeping: x"


async def test_bounded_waits_for_all_and_cancels_what_hangs(caplog: pytest.LogCaptureFixture) -> None:
    quick, hangs = Work(), Work()
    quick.gate.set()
    await bounded(0.01, quick.run(), hangs.run())
    await asyncio.sleep(0)
    assert (quick.ended, hangs.cancelled) == (True, True)
    assert "has not answered for 0.01 s" in caplog.text
    await bounded(0.01)


async def test_bounded_raises_the_first_error_when_all_have_ended() -> None:
    async def fail() -> None:
        raise NothingToDo("no")

    work = Work()
    asyncio.get_running_loop().call_soon(work.gate.set)
    with pytest.raises(NothingToDo):
        await bounded(60, fail(), work.run())
    assert work.ended


async def test_set_of_tasks_cancels_at_the_end_what_does_not_end() -> None:
    tasks, quick, hangs = TaskSet(), Work(), Work()
    quick.gate.set()
    running = [tasks.add(asyncio.ensure_future(work.run())) for work in (quick, hangs)]
    await tasks.end(0.01)
    await asyncio.wait(running)
    assert (quick.ended, hangs.cancelled) == (True, True)

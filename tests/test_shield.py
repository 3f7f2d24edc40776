import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from duragent.shield import shielded, to_its_end

BOTH = pytest.mark.parametrize("do", [shielded, to_its_end])
Do = Callable[[Awaitable[int]], Awaitable[int]]


@BOTH
async def test_result_and_error_of_the_work_reach_the_caller(do: Do) -> None:
    async def give() -> int:
        return 3

    async def fail() -> int:
        raise LookupError("no")

    assert await do(give()) == 3
    with pytest.raises(LookupError):
        await do(fail())


@BOTH
@pytest.mark.parametrize("fails", [False, True])
async def test_work_ends_when_its_caller_is_cancelled_and_nothing_is_logged(do: Do, fails: bool) -> None:
    gate, ended, logged = asyncio.Event(), [], list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))

    async def work() -> int:
        await gate.wait()
        ended.append(True)
        if fails:
            raise LookupError("no")
        return 3

    caller = asyncio.ensure_future(do(work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    # Only `to_its_end` has its caller wait.
    assert caller.done() == (do is shielded)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.sleep(0)
    assert ended == [True]
    del caller
    gc.collect()
    assert logged == []

import asyncio
from pathlib import Path

from duragent.bus import Block, OutputDelta
from duragent.session.watch import ReplayEnd
from duragent.testing import Line
from tests.support.http_house import House


async def test_piece_of_an_answer_never_comes_behind_the_answer_itself(tmp_path: Path) -> None:
    house = House(tmp_path)
    gate = asyncio.Event()
    house.model.add(Line("one two three", gate=gate, gate_after_chunks=2))
    session_id = await house.create()
    async with house.sessions.watch(session_id, 0) as first, house.sessions.watch(session_id, 0) as second:
        await house.say(session_id, "count", Prefer="respond-async")
        async for item in first:
            if isinstance(item, OutputDelta):
                break
        async for item in second:
            if isinstance(item, ReplayEnd):
                break
        gate.set()
        async for item in first:
            # Whoever else is told the answer hears of it before the one who asked for it does.
            if isinstance(item, Block) and b'"model_replied"' in item.lines:
                break
        told = []
        async for item in second:
            told.append(item)
            if isinstance(item, Block) and b'"turn_ended"' in item.lines:
                break
    await house.close()
    assert [item for item in told if isinstance(item, OutputDelta)] == []

"""The pieces of an answer: kept before a watcher gets them, and none behind the answer itself."""

import asyncio
from pathlib import Path

from duragent.bus import Block, OutputDelta
from duragent.session.watch import ReplayEnd
from duragent.testing import Line
from duragent.turn.partial import AttemptKey, Partial
from tests.support.http_house import House
from tests.support.probes import a_while


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


async def test_piece_of_an_answer_is_kept_before_it_is_told() -> None:
    told: list[OutputDelta] = []
    kept: list[bytes] = []
    gate = asyncio.Event()

    async def keep(data: bytes, append: bool) -> None:
        await gate.wait()
        kept.append(data)

    partial = Partial(AttemptKey("turn_1", 1, 1), keep, told.append)
    partial.add("one", "because")
    await a_while()
    assert told == []
    gate.set()
    await partial.finish()
    assert (len(kept), [delta.text for delta in told]) == (1, ["because", "one"])

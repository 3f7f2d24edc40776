"""The pieces of an answer: kept before a watcher gets them, and none behind the answer itself."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from duragent.bus import Block, OutputDelta
from duragent.journal.state import ModelAttempt, OpenTurn, SessionState
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest
from duragent.session.watch import ReplayEnd
from duragent.testing import Line
from duragent.turn.partial import AttemptKey, Partial, recovered
from tests.support.bounds import LIMIT_SECONDS
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


async def test_first_words_are_with_the_watchers_before_the_rest_of_a_burst_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"{number} " for number in range(20)]
    given: list[str] = []

    async def burst(request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        for word in words:
            given.append(word)
            yield ModelDelta(text=word)
        yield ModelReply(text="".join(words))

    house = House(tmp_path)
    monkeypatch.setattr(house.model, "stream", burst)
    session_id = await house.create()
    async with house.sessions.watch(session_id, 0) as watched:
        await house.say(session_id, "count", Prefer="respond-async")
        async for item in watched:
            if isinstance(item, OutputDelta):
                assert (item.text, given) == (words[0], words[:1])
                break
    await house.close()


@pytest.mark.parametrize("disk_answers", [True, False])
async def test_a_disk_that_does_not_answer_holds_up_the_reading_for_a_moment_only(disk_answers: bool) -> None:
    told: list[OutputDelta] = []
    gate = asyncio.Event()

    async def keep(data: bytes, append: bool) -> None:
        await gate.wait()

    partial = Partial(AttemptKey("turn_1", 1, 1), keep, told.append)
    await partial.published(LIMIT_SECONDS)
    partial.add("one", "")
    if disk_answers:
        asyncio.get_running_loop().call_soon(gate.set)
    await partial.published(LIMIT_SECONDS if disk_answers else 0.01)
    assert [delta.text for delta in told] == (["one"] if disk_answers else [])
    gate.set()
    await partial.finish()
    assert [delta.text for delta in told] == ["one"]


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


KEY = AttemptKey("t", 2, 3)
FIRST = b'{"turn":"t","step":2,"attempt":3}\n'


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"", ("", "")),
        (FIRST, ("", "")),
        (FIRST + b'{"text":"a","reasoning":"b"}\n{"text":"c","reasoning":""}\n', ("ac", "b")),
        (FIRST + b'{"text":"a","reasoning":"b"}\n{"text":"torn', ("a", "b")),
        (FIRST.replace(b"3", b"4") + b'{"text":"a","reasoning":""}\n', ("", "")),
        (b'{"text":"a","reasoning":""}\n', ("", "")),
        (FIRST + b"[]\n", ("", "")),
        (b"\xff\n", ("", "")),
    ],
)
def test_what_was_kept_is_read_back_for_its_own_question(data: bytes, kept: tuple[str, str]) -> None:
    assert recovered(data, KEY) == kept


@pytest.mark.parametrize(
    ("turn", "over"),
    [
        (None, True),
        (OpenTurn("t", trigger=1), True),
        (OpenTurn("t", trigger=1, asking=ModelAttempt(2, 3, 1, 1)), False),
        (OpenTurn("t", trigger=1, asking=ModelAttempt(2, 4, 1, 1)), True),
        (OpenTurn("u", trigger=1, asking=ModelAttempt(2, 3, 1, 1)), True),
        (OpenTurn("t", trigger=1, asking=ModelAttempt(2, 3, 1, 1, status="replied")), True),
    ],
)
def test_answer_is_over_when_the_log_has_the_end_of_its_question(turn: OpenTurn | None, over: bool) -> None:
    async def keep(data: bytes, append: bool) -> None: ...

    partial = Partial(KEY, keep, lambda delta: None)
    assert partial.over(SessionState("s", turn=turn)) is over


async def test_kept_pieces_are_what_was_published() -> None:
    kept, published = b"", list[OutputDelta]()

    async def keep(data: bytes, append: bool) -> None:
        nonlocal kept
        kept = kept + data if append else data

    partial = Partial(KEY, keep, published.append)
    for text in ("one ", "two ", "three"):
        partial.add(text, "r")
        await a_while()
    await partial.finish()
    partial.add("late", "")
    assert recovered(kept, KEY) == (partial.text, partial.reasoning) == ("one two three", "rrr")
    assert [delta.offset for delta in published if delta.kind == "text"] == [0, 4, 8]
    assert [(delta.kind, delta.text) for delta in partial.so_far()] == [("reasoning", "rrr"), ("text", "one two three")]

"""The offline model, with a clock that hurries."""

import asyncio

import pytest

from duragent.models.demo.model import DemoModel, calculate
from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest, ModelUsage
from duragent.testing import FakeClock
from tests.support.bounds import LIMIT_SECONDS


def question(*said: str) -> ModelRequest:
    return ModelRequest(messages=tuple(ChatMessage(role="user", content=text) for text in said))


async def answer(*said: str, clock: FakeClock | None = None) -> str:
    pieces = [piece async for piece in DemoModel(clock or FakeClock(hurried=True)).stream(question(*said))]
    reply = pieces[-1]
    assert isinstance(reply, ModelReply)
    assert "".join(piece.text for piece in pieces if isinstance(piece, ModelDelta)) == reply.text
    return reply.text


@pytest.mark.parametrize("said", ["hello", "Hi there!", "good morning"])
async def test_demo_greets_and_says_that_it_is_no_ai(said: str) -> None:
    text = await answer(said)
    assert text.startswith("Hello!")
    assert "not an AI" in text


@pytest.mark.parametrize("said", ["who are you?", "are you an AI?", "Are you a human", "what are you"])
async def test_demo_is_honest_about_what_it_is(said: str) -> None:
    assert "I am not an AI" in await answer(said)


@pytest.mark.parametrize("said", ["help", "?", "what can you do?"])
async def test_demo_tells_what_it_can_do(said: str) -> None:
    assert (await answer(said)).startswith("I can say hello")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("what is 2+2?", "2+2 = 4"),
        ("2 * (3 + 4)", "2 * (3 + 4) = 14"),
        ("how much is 7 / 2", "7 / 2 = 3.5"),
        ("what's 1,000 × 3?", "1,000 × 3 = 3000"),  # noqa: RUF001  # people type it
        ("calculate 2^10", "2^10 = 1024"),
        ("1/0", "Nothing can be divided by zero."),
    ],
)
async def test_demo_does_small_sums(said: str, expected: str) -> None:
    assert await answer(said) == expected


@pytest.mark.parametrize(
    "text", ["9**9**9", "2**1000", "(-8)**0.5", "()()", "1", "a+b", "1+" * 90 + "1", "1<<9", "1e9+1"]
)
def test_sum_that_is_none_or_too_large_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the kind is the promise, the sentence is not
        calculate("1e99+1" if text == "1e9+1" else text)


async def test_demo_tells_time_and_date_from_the_clock() -> None:
    assert await answer("what time is it?") == "It is 00:00:00 UTC."
    assert await answer("what's the date?") == "Today is Thursday, 1 January 2026 (UTC)."


async def test_demo_counts_about_ten_numbers_a_second() -> None:
    clock = FakeClock(hurried=True)
    assert await answer("please count to 101", clock=clock) == " ".join(str(number) for number in range(1, 102))
    assert clock.monotonic() == pytest.approx(10.0)


async def test_demo_counts_to_a_thousand_at_most() -> None:
    assert (await answer("count to 1000")).endswith(" 999 1000")
    assert await answer("count to 1001") == "I count to 1000 at most."
    assert await answer("count to 0") == "0"


@pytest.mark.parametrize("said", ["repeat good  morning\nall", "Echo: good  morning\nall", "say good  morning\nall"])
async def test_demo_repeats_to_the_letter(said: str) -> None:
    assert await answer(said) == "good  morning\nall"


async def test_demo_writes_a_long_text_with_every_kind_of_markdown() -> None:
    text = await answer("write me a long text")
    for mark in ("# A long text", "\n- ", "|---", "```python"):
        assert mark in text


async def test_demo_echoes_what_it_does_not_understand_and_says_how_many_messages_it_has_seen() -> None:
    text = await answer("hello", "the rain in Spain \ud800")
    assert text.startswith("You said: the rain in Spain \ud800\n\nThat was message 2 of yours.")
    assert "not an AI" in text
    assert (await answer("   ")).startswith("You said nothing.")


async def test_demo_reads_only_the_last_user_message() -> None:
    request = ModelRequest(
        messages=(
            ChatMessage(role="system", content="hello"),
            ChatMessage(role="user", content="count to 5"),
            ChatMessage(role="assistant", content="1 2 3"),
            ChatMessage(role="user", content="repeat yes"),
            ChatMessage(role="tool", call_id="c", content="help"),
        )
    )
    pieces = [piece async for piece in DemoModel(FakeClock(hurried=True)).stream(request)]
    assert pieces == [
        ModelDelta(text="yes"),
        ModelReply(text="yes", model="demo", usage=ModelUsage(input_tokens=10, output_tokens=1), cost_usd=0.0),
    ]


async def test_demo_waits_for_the_clock_between_words() -> None:
    clock = FakeClock()
    stream = DemoModel(clock).stream(question("repeat one two"))
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await anext(stream) == ModelDelta(text="one")
        second = asyncio.ensure_future(anext(stream))
        await clock.advance(0.03)
        assert not second.done()
        await clock.advance(0.01)
        assert await second == ModelDelta(text=" two")
        await stream.aclose()


async def test_very_long_message_is_answered_without_delay() -> None:
    for said in ("." * 200_000, "1 " * 100_000, "(" * 200_000, " " * 200_000 + "x"):
        stream = DemoModel(FakeClock(hurried=True)).stream(question(said))
        async with asyncio.timeout(LIMIT_SECONDS):
            await anext(stream)
            await stream.aclose()


def test_demo_calls_itself_demo() -> None:
    assert DemoModel(FakeClock()).label == "demo"

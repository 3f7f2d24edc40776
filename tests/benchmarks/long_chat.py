"""What a chat of 300 turns costs in tokens: summaries against the whole history, where a provider remembers prefixes.

The law: tokens are counted as duragent counts them. What a request shares with the beginning of the one before it is
remembered and costs a tenth; the rest costs a quarter more than its price, for it is remembered from then on.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from duragent.context.tokens import message_tokens
from duragent.models.messages import ChatMessage, ModelReply, ModelRequest
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.benchmarks.measure import Bench, Goal, Result, Row
from tests.benchmarks.recall_speed import made_notes
from tests.support.house import open_house
from tests.support.until import take_time

REMEMBERED, NEW = 0.1, 1.25
_WINDOW = "    max_input_tokens: 1000000\n"
_WHOLE = "  session:\n    context:\n      max_history_tokens: 0\n      summaries: 'off'"
_NOTES_A_TURN = 32
"""Some 630 tokens, as much as a turn with a long answer has."""

_READING_SECONDS = 0.02


async def rows(bench: Bench) -> AsyncIterator[Result]:
    turns = bench.effort.of(300, 5)
    folder = bench.place("long-chat")
    whole = priced(await _requests(folder / "whole", turns, _WHOLE))
    ours = priced(await _requests(folder / "ours", turns, ""))
    row = Row(
        "long_chat",
        f"{turns} turns of some 630 tokens, at full price",
        "the whole history, remembered by the provider",
        "tokens",
        Goal("ratio", "most", 0.65),
        "without what memory adds",
    )
    yield Result(row, (whole,), (ours,))


async def _requests(folder: Path, turns: int, rest: str) -> list[ModelRequest]:
    """Of one chat, each turn with words of its own."""
    notes = iter(made_notes(turns * 2 * _NOTES_A_TURN))
    said = [" ".join(next(notes).text for _ in range(_NOTES_A_TURN)) for _ in range(turns)]
    model = ScriptedModel([ModelReply(text=text[len(text) // 4 :]) for text in said])
    async with open_house(MemoryStore(), model, folder, agent_rest=_WINDOW + rest) as house:
        session = await house.new()
        for text in said:
            await house.ask(session, text[: len(text) // 4])
            await house.idle(session)
            # A summary is made while a person reads and types.
            await take_time(_READING_SECONDS)
    return model.requests


def priced(requests: list[ModelRequest]) -> float:
    """The tokens of these requests, in tokens of full price."""
    total, before = 0.0, list[ChatMessage]()
    for request in requests:
        same = True
        for at, message in enumerate(request.messages):
            same = same and at < len(before) and before[at] == message
            total += message_tokens(message) * (REMEMBERED if same else NEW)
        before = list(request.messages)
    return total

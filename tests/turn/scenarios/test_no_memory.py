"""No memory in the middle of a turn: it ends and says so, and the session goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.turn.model_call import ModelCaller
from duragent.turn.turn_agent import TurnAgent
from tests.support.house import open_house


def _failing(work: Callable[..., Any], times: int = 1) -> Callable[..., Any]:
    """The same, but the first calls of it find no memory."""
    left = [None] * times

    def call(*given: Any, **named: Any) -> Any:
        if left:
            left.pop()
            raise MemoryError("no room")
        return work(*given, **named)

    return call


@pytest.mark.parametrize(
    ("owner", "name", "times"),
    [
        # In the write of the message, and by itself.
        (TurnAgent, "begin", 2),
        (TurnAgent, "at", 1),
        (ModelCaller, "ask", 1),
        (ModelCaller, "_prepare", 1),
        (ModelCaller, "_replied", 1),
    ],
)
async def test_a_turn_that_finds_no_memory_ends_and_the_next_message_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, times: int
) -> None:
    monkeypatch.setattr(owner, name, _failing(getattr(owner, name), times))
    async with open_house(MemoryStore(), ScriptedModel(["one", "two", "three"]), tmp_path) as house:
        session = await house.new()
        failed = await house.ask(session, "hi")
        assert (failed.outcome, failed.code) == ("failed", "internal-error")
        assert "MemoryError" in failed.reason
        assert (await house.ask(session, "and now?")).outcome == "completed"


async def test_a_turn_that_finds_no_memory_in_the_write_of_its_message_begins_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TurnAgent, "begin", _failing(TurnAgent.begin))
    async with open_house(MemoryStore(), ScriptedModel(["one"]), tmp_path) as house:
        assert (await house.ask(await house.new(), "hi")).outcome == "completed"

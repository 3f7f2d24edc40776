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


def _once(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but the first call of it finds no memory."""
    failed: list[None] = []

    def call(*given: Any, **named: Any) -> Any:
        if not failed:
            failed.append(None)
            raise MemoryError("no room")
        return work(*given, **named)

    return call


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (TurnAgent, "begin"),
        (TurnAgent, "at"),
        (ModelCaller, "ask"),
        (ModelCaller, "_prepare"),
        (ModelCaller, "_replied"),
    ],
)
async def test_a_turn_that_finds_no_memory_ends_and_the_next_message_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    monkeypatch.setattr(owner, name, _once(getattr(owner, name)))
    async with open_house(MemoryStore(), ScriptedModel(["one", "two", "three"]), tmp_path) as house:
        session = await house.new()
        failed = await house.ask(session, "hi")
        assert (failed.outcome, failed.code) == ("failed", "internal-error")
        assert "MemoryError" in failed.reason
        assert (await house.ask(session, "and now?")).outcome == "completed"

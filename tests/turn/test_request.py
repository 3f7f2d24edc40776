"""What a model is sent."""

from pathlib import Path

from duragent.models.messages import ChatMessage
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house


async def test_the_model_sees_soul_system_prompt_and_instructions_in_order(tmp_path: Path) -> None:
    model = ScriptedModel(["one", "two"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        await house.ask(session, "first")
        await house.ask(session, "second")
    system, *rest = model.requests[1].messages
    assert system.role == "system"
    kind, named, brief = (system.content.index(text) for text in ("You are kind.", "You are assistant.", "Be brief."))
    assert kind < named < brief
    assert rest == [
        ChatMessage(role="user", content="first"),
        ChatMessage(role="assistant", content="one"),
        ChatMessage(role="user", content="second"),
    ]
